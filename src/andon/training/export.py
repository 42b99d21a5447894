"""From a trained model to one ONNX file: standard operators, no external data, same weights, same bytes."""

from dataclasses import replace
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from andon.blobs.files import write_durably
from andon.domain.models import InputSpec, OutputSpec
from andon.errors import BugError
from andon.runtime.graph import bare
from andon.training.models.outputs import Outputs
from andon.training.quiet import quiet
from andon.training.trained import TrainedModel, network_of

OPSET = 20
TYPES = {8: torch.uint8, 16: torch.uint16}


class Shipped(nn.Module):
    """The network as it leaves: probabilities instead of logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """See :func:`export`."""
        outputs: Outputs = self.network(image)
        return tuple(value for value in (*outputs.probabilities(), outputs.features) if value is not None)


def export(trained: TrainedModel, path: Path) -> tuple[InputSpec, OutputSpec]:
    """Write the graph: ``image`` (N, H, W, C) unsigned integers -> ``scores`` (N, K) and, where the family
    locates, ``maps`` (N, K, H / stride, W / stride), both float32 in [0, 1], and ``features`` (N, F)
    float32; N is free. What comes back is what the graph takes and gives.

    Raises:
        DiskFull: no space is left.

    """
    shipped = Shipped(network_of(trained)).eval()
    taken = trained.input
    example = torch.zeros((2, taken.height, taken.width, taken.channels), dtype=TYPES[taken.bit_depth])
    names = ["scores", "maps", "features"] if trained.output.maps else ["scores", "features"]
    with quiet("torch.onnx", "onnxscript", "onnx_ir"), torch.inference_mode():
        width = shipped(example)[-1].shape[1]
        program = torch.onnx.export(
            shipped,
            (example,),
            input_names=["image"],
            output_names=names,
            dynamic_shapes={"image": {0: torch.export.Dim("batch", min=1, max=4096)}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise BugError("the exporter returned nothing")
    graph = bare(program.model_proto)
    onnx.checker.check_model(graph, full_check=True)
    write_durably(path, graph.SerializeToString(deterministic=True))
    return trained.input, replace(trained.output, features=width)
