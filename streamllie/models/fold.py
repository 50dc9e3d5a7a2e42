"""Fold what only training needs into the weights: batch norm and residual scales vanish, the function stays."""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from streamllie.models.network import Detail, Gate, Network


def fold(network: Network) -> Network:
    """A copy of a trained network, in eval mode, that computes the same with fewer layers."""
    network = copy.deepcopy(network).eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, Gate):
            _fold_gate(module)
        if isinstance(module, Detail):
            _fold_detail(module)
    return network


def _fold_gate(gate: Gate) -> None:
    """norm -> 1x1 convolution is one 1x1 convolution; so is 1x1 convolution -> scale."""
    norm = gate.norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert gate.widen.bias is not None
    assert gate.project.bias is not None
    assert gate.scale is not None
    ratio = norm.weight / torch.sqrt(norm.running_var + norm.eps)  # (w,)
    shift = norm.bias - norm.running_mean * ratio  # (w,)
    kernel = gate.widen.weight  # (2w, w, 1, 1)
    gate.widen.bias.add_(kernel[:, :, 0, 0] @ shift)
    kernel.mul_(ratio[None, :, None, None])
    gate.norm = nn.Identity()
    gate.project.weight.mul_(gate.scale[0, :, None])
    gate.project.bias.mul_(gate.scale[0, :, 0, 0])
    gate.scale = None


def _fold_detail(detail: Detail) -> None:
    """3x3 convolution -> norm is one convolution; a scale of the gated product is a scale of one factor."""
    norm = detail.norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert detail.scale is not None
    detail.widen = fuse_conv_bn_eval(detail.widen, norm)
    half = detail.scale.shape[1]
    detail.widen.weight[:half].mul_(detail.scale[0, :, None])
    assert detail.widen.bias is not None
    detail.widen.bias[:half].mul_(detail.scale[0, :, 0, 0])
    detail.norm, detail.scale = nn.Identity(), None
    detail.widen, detail.gate = _half(detail.widen, slice(half)), _half(detail.widen, slice(half, None))


def _half(both: nn.Conv2d, channels: slice) -> nn.Conv2d:
    """The part of a 3x3 convolution that gives half of the channels."""
    part = nn.Conv2d(both.in_channels, both.out_channels // 2, 3)
    assert both.bias is not None
    assert part.bias is not None
    part.weight.data.copy_(both.weight[channels])
    part.bias.data.copy_(both.bias[channels])
    return part.requires_grad_(False)
