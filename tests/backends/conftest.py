import torch

torch.set_num_threads(1)  # the frames of these tests are too small for two
