import torch
from torch.nn import functional as F

from streamllie.models.memory import pool
from streamllie.models.pog import POG, mix


def test_the_closed_form_equals_the_explicit_householder_matrices():
    torch.manual_seed(0)
    code, embedding = torch.softmax(torch.randn(4, 16), dim=1), torch.randn(50, 16)

    v = embedding / embedding.norm(dim=1, keepdim=True)
    reflections = torch.eye(16) - 2 * v[:, :, None] * v[:, None, :]  # (P, d, d)
    explicit = torch.einsum("bd,pde->bpe", code, reflections)

    assert (mix(code, embedding) - explicit).abs().max() <= 1e-5


def test_the_basis_of_every_scalar_is_orthonormal_whatever_its_embedding_is():
    embedding = torch.randn(50, 8, generator=torch.Generator().manual_seed(1)) * 100
    basis = mix(torch.eye(8), embedding)  # the rows of each H_i, one code at a time: (8, P, 8)
    gram = torch.einsum("apd,bpd->pab", basis, basis)
    assert (gram - torch.eye(8)).abs().max() <= 1e-5


def test_mixing_keeps_the_length_of_the_code_so_that_kernels_cannot_collapse():
    code = torch.randn(3, 8)
    z = mix(code, torch.randn(20, 8))
    assert torch.allclose(z.norm(dim=2), code.norm(dim=1)[:, None].expand(3, 20), atol=1e-5)


def test_different_images_get_different_kernels_and_equal_images_equal_ones():
    torch.manual_seed(2)
    layer = POG(6, 5, pooled=6, d=8)
    kernels = layer.kernel(torch.stack([torch.zeros(6), torch.full((6,), 3.0), torch.zeros(6)]))
    assert kernels.shape == (3, 5, 6)
    assert (kernels[0] - kernels[2]).abs().max() <= 1e-6  # a matrix product may round its rows differently
    assert (kernels[0] - kernels[1]).abs().max() > 1e-3


def test_a_batch_gives_the_same_as_its_images_one_by_one_and_as_a_plain_convolution():
    torch.manual_seed(3)
    layer, x = POG(6, 5, pooled=6, d=8), torch.randn(4, 6, 7, 9)
    together = layer(x, pool(x))
    for i in range(4):
        alone = x[i : i + 1]
        kernel = layer.kernel(pool(alone))[0, :, :, None, None]
        assert torch.allclose(together[i : i + 1], layer(alone, pool(alone)), atol=1e-6)
        assert torch.allclose(together[i : i + 1], F.conv2d(alone, kernel), atol=1e-5)


def test_every_embedding_learns():
    torch.manual_seed(4)
    layer, x = POG(6, 5, pooled=6, d=8), torch.randn(2, 6, 7, 9)
    layer(x, pool(x)).square().sum().backward()
    assert layer.embedding.grad is not None
    assert (layer.embedding.grad.abs().sum(dim=1) > 0).all()
