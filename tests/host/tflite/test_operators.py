from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_host.support import flatbuffer
from graft_host.tflite.operators import BUILTIN_GAPS, LAST_BUILTIN, NEWEST_VERSIONS, check_versions, operators


def model_with(builtin: int, version: int) -> Any:
    """A model that lists an operator without using it: a runtime only checks whether it supports the operator."""
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = b"x", np.array([1], np.int32), 0, 0
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [tensor], []
    graph.inputs = graph.outputs = np.array([0], np.int32)
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    return model


def known_builtins() -> dict[int, str]:
    return {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


def test_the_table_is_that_of_the_oldest_runtime() -> None:
    interpreter = pytest.importorskip("tflite_runtime.interpreter", reason="tflite-runtime ends at Python 3.11")

    def accepted(number: int, version: int) -> bool:
        try:
            interpreter.Interpreter(model_content=flatbuffer.pack(model_with(number, version)))
        except ValueError:
            return False
        return True

    for number, name in known_builtins().items():
        for version in range(1, 14):
            supported = operators(model_with(number, version))[0].supported
            assert supported == accepted(number, version), (name, version)


def test_the_table_names_real_operators() -> None:
    assert set(NEWEST_VERSIONS) <= set(known_builtins().values())
    assert known_builtins()[LAST_BUILTIN] == "RIGHT_SHIFT"
    assert all(number in known_builtins() for number in BUILTIN_GAPS)


def test_a_version_that_is_too_new_is_an_error_that_names_the_operator() -> None:
    check_versions(model_with(schema.BuiltinOperator.FULLY_CONNECTED, 10))
    with pytest.raises(ExportError, match="FULLY_CONNECTED version 12") as caught:
        check_versions(model_with(schema.BuiltinOperator.FULLY_CONNECTED, 12))
    assert "2.14.0" in str(caught.value)
    with pytest.raises(ExportError, match="STABLEHLO_ADD"):
        check_versions(model_with(schema.BuiltinOperator.STABLEHLO_ADD, 1))


def test_custom_operators_are_named_and_refused() -> None:
    model = model_with(schema.BuiltinOperator.CUSTOM, 1)
    model.operatorCodes[0].customCode = b"EdgeTpuThing"
    assert operators(model)[0].name == "EdgeTpuThing"
    with pytest.raises(ExportError, match="EdgeTpuThing"):
        check_versions(model)
