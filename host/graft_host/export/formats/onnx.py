"""The network as ONNX, for onnxruntime and for converters of other runtimes."""

from __future__ import annotations

from pathlib import Path

from graft_device.model import LABELS_NAME, ModelFile
from graft_host.export.format import Format, Image, Product, Source
from graft_host.support.destination import OutputKind
from graft_host.support.outside.packages import Packages

INT8 = "int8"


def _recognises(path: Path) -> bool:
    """Whether a file is an ONNX model with a model card of graftkit."""
    import onnx
    from google.protobuf.message import DecodeError

    from graft_device.model import CARD_NAME

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError:
        return False
    return CARD_NAME in {entry.key for entry in model.metadata_props}


def _description(model: ModelFile, *, quantized: bool) -> dict[str, str]:
    size, classes = model.card.image_size, len(model.labels)
    return {
        "format": FORMAT.name,
        "numbers": "int8, between QuantizeLinear and DequantizeLinear" if quantized else "float32",
        "input": f"image: RGB pixels, 0 to 255, float32 [1,3,{size},{size}]; normalization is inside",
        "output": f"probabilities: float32 [1,{classes}] in the order of {LABELS_NAME}",
        "unknown": "scores of unknown photos are lowered as in the .tflite; the threshold is in this card",
    }


def _write(source: Source, folder: Path) -> Product:
    from graft_host.export.extras import extra_files
    from graft_host.export.onnx_graph.document import onnx_model

    model = source.model
    quantized = model.card.quantization == INT8 and not source.float_network
    extras = extra_files(model, _description(model, quantized=quantized))
    metadata = {name: data.decode() for name, data in extras.items()}
    product = folder / "export.onnx"
    product.write_bytes(onnx_model(model, metadata, quantized=quantized).SerializeToString(deterministic=True))
    return Product(path=product, image=Image(size=model.card.image_size, batch=1, channels_first=True))


FORMAT = Format(
    name="onnx",
    help="one .onnx file, int8 as the model is, or float32 with --float",
    suffix=".onnx",
    suffix_reason="as programs expect of ONNX",
    packages=Packages(title="the package onnx", modules=("onnx",), extra="onnx"),
    kind=OutputKind("export", "model.onnx", "an .onnx file that 'graft export' wrote", _recognises),
    takes_float=True,
    uses_weights=False,
    write=_write,
)
