"""Look for the two kinds of redundancy that ADR and POG are made against, in networks of the ablation.

    python -m training.redundancy --data DATA --runs runs/ablation --out training

*Harmfulness*: reset one layer to random values; the share of held-out pictures that get better shows how far its
shared weights harm them. *Uselessness*: how much the kernels generated for different pictures differ, as the standard
deviation over pictures relative to the kernel's own spread; 0 is a static kernel. Writes harmfulness.png and
uselessness.png and prints the figures. Both observations are those of Li et al., arXiv 2412.16459.
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from streamllie.models.memory import Memory
from streamllie.models.network import Network
from streamllie.models.pog import POG
from training.ablation import SEEDS, score_one, trained
from training.command import said
from training.pairs import LOL, validation_pairs
from training.planes import Rgb
from training.train import whole

WITHOUT, WITH = "static", "ADR+POG"
GENERATED = {
    "ADR": ("ADR, dynamic kernels, no orthogonal bases", "ADR+POG"),
    "projections": ("dynamic projections, no orthogonal bases", "POG projections"),
}
Pairs = list[tuple[Rgb, Rgb]]


@said("redundancy")
def main() -> None:
    """Parse the command line, measure, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="data folder, see training/README.md")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the ablation's runs")
    parser.add_argument("--out", type=Path, required=True, help="folder for the figures")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    pairs = [(low[:256, :384], high[:256, :384]) for low, high in validation_pairs(args.data / LOL)]
    harm = {name: harmfulness([trained(args.runs, name, seed) for seed in SEEDS], pairs) for name in (WITHOUT, WITH)}
    draw_harmfulness(harm, args.out / "harmfulness.png")
    for name, shares in harm.items():
        print(f"harmfulness, {name}: {np.mean(list(shares.values())):.1%} of pictures get better, mean of all layers")
    spread = {
        where: [uselessness([trained(args.runs, name, seed) for seed in SEEDS], pairs) for name in names]
        for where, names in GENERATED.items()
    }
    draw_uselessness(spread, args.out / "uselessness.png")
    for where, (plain, orthogonal) in spread.items():
        print(f"kernels of {where} differ by {plain:.3f} without orthogonal bases, by {orthogonal:.3f} with them")


def harmfulness(networks: list[Network], pairs: Pairs) -> dict[str, float]:
    """For each layer, the share of pictures whose PSNR rises when the layer is reset; mean over networks."""
    before = [[score_one(network, *pair)[0] for pair in pairs] for network in networks]
    shares: dict[str, float] = {}
    for name in layers(networks[0]):
        better: list[bool] = []
        for seed, (network, scores) in enumerate(zip(networks, before, strict=True)):
            worse = copy.deepcopy(network)
            torch.manual_seed(seed)
            reset(worse.get_submodule(name))
            better += [score_one(worse, *pair)[0] > score for pair, score in zip(pairs, scores, strict=True)]
        shares[name] = float(np.mean(better))
    return shares


def layers(network: Network) -> list[str]:
    """Names of the layers with weights of their own, in the order of the network."""
    return [name for name, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear | POG)]


@torch.no_grad()
def reset(layer: nn.Module) -> None:
    """Random values, as before training."""
    if isinstance(layer, POG):
        layer.embedding.normal_()
    else:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        layer.reset_parameters()


@torch.no_grad()
def uselessness(networks: list[Network], pairs: Pairs) -> float:
    """How much generated kernels differ between pictures, relative to the spread within a kernel; mean of all."""
    ratios: list[float] = []
    for network in networks:
        for maker in [module for module in network.modules() if isinstance(module, POG)]:
            codes: list[Tensor] = []
            hook = maker.code.register_forward_hook(lambda _module, _inputs, code, codes=codes: codes.append(code))
            for low, high in pairs:
                network(*whole(low, high)[:3], Memory())
            hook.remove()
            kernels = maker.decode(maker.mix(torch.cat(codes)))[:, :, 0]  # (pictures, P)
            ratios.append((kernels.std(dim=0).mean() / kernels.mean(dim=0).std()).item())
    return float(np.mean(ratios))


def draw_harmfulness(shares: dict[str, dict[str, float]], path: Path) -> None:
    """Bars for every layer, the networks side by side."""
    names = sorted({name for by_layer in shares.values() for name in by_layer}, key=list(shares[WITH]).index)
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    axis = figure.subplots()
    for index, (network, by_layer) in enumerate(shares.items()):
        places = np.arange(len(names)) + 0.4 * index
        axis.barh(places, [100 * by_layer.get(name, 0) for name in names], height=0.38, label=network)
    axis.set_yticks(np.arange(len(names)) + 0.2, names, fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel("held-out pictures that get better when the layer is reset, %")
    axis.legend()
    figure.savefig(path, dpi=80)


def draw_uselessness(spread: dict[str, list[float]], path: Path) -> None:
    """Two bars for every place where kernels are generated."""
    figure = Figure(figsize=(6, 3), layout="constrained")
    axis = figure.subplots()
    for index, label in enumerate(("no orthogonal bases", "orthogonal bases (POG)")):
        axis.bar(np.arange(len(spread)) + 0.4 * index, [v[index] for v in spread.values()], width=0.38, label=label)
    axis.set_xticks(np.arange(len(spread)) + 0.2, list(spread))
    axis.set_ylabel("spread over pictures / spread in kernel")
    axis.legend()
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
