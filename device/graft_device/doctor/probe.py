"""Tests one runtime or package; ``doctor`` runs this in a child process because a broken one may crash."""

from __future__ import annotations

import base64
import importlib
import json
import sys
import tempfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graft_device.failure import Failure

MODELS = {
    "int8": (
        "c-oCrF>ljQ5Wd7tu&GIn=#Z8Uolu29jYNkGkzhg*%Fv-pr^+FYV=y&xT<At7=8hc@VrF1w?0_nS!p6YJ4`4w20L<O<_hQ!y5{@qKy?b}x-"
        "MjnV+ajX<hl6`O&>C%0oBv&M$Pxvaydu^Soyn?3<g$z!L<X;U%C_=dg^$TI;u$d#QJ-a%W$Gs{!lU4D<d41MC{=!9W5LH#bBRWDjpca~54"
        "~X+g=y$d5l8mwS(eGj;VFFP1wQl>mI2E)*0*6NF<!GAu-v8MdxU*ka+{xDOwKRnuS)w*ux}xD9r|~FvP^VA;*Ha%VM?VMIE%WODz51Iyg6"
        "XmtK~U6JbvbJ#<HjCEnkZ^;Jd=UE!0lZlW_}YB5Eq^rkc<0*Gl<aVR_3r=Xi9>1-A5PpY__Nrcj8!6t<SOl{3y@+k~%y*bU^_uH*@fn;Ju"
        "WKLNu4W>LSEvRUGPp#4qt%YC%y8e65c^liqVZI+*`JZ0&y%vmo@d4RmXWqH5a|KOF*&rtm<IPV~y)c?Bh%lAe*<0$sh!zd2IwCcOTypS_="
        "kX~2tz!hB=yTmV9pUl7ZRx~zH%a|X~qYl;*a+m)`z;#RY(3sylzq_`^9ERSsgs1y=102=$-!1rU_oRQ7ylF`cN5^>ShrvXZLt$vn$o-T2?"
        "f_TLu$f)XTey~iE5c{t+~YWkkCSR&gmbHx?iKQ?yXdobqT0FO+WRH(-~31XX&4;&BU*6Kgcu9{y6Qc%O82yz$1r-}5Mf_)Xjz{mUiA&D#%"
        "thR>*HNp!`?^Ec|C_(|H1QS(ZA*|UfYZJf^4UhuLB&|ZaeB87JN@~eexGp*t<C"
    ),
    "float32": (
        "c-nPSy;8zJ5Z*w<AQ3VSMNmeWk%CTVVqv9JYGG;Vj0Oqe#z>qbsD*`%?_l8r_!vHb4`6F&VL{<og1eVZ2>u*=xy}CHcbf(P9PJ%ixIq=_V"
        "B*sN9W+vaif@2AfCt(YfF|NG4}gC_5q)VbaEyu)pahr+-~drUgidfJ2JT7M>Dfasl5ymtaSYWe$Z7zKh|9q5*d5`CNH`(aA=}q@GNFAAAu"
        "ep!Vf`)Q7}4VQ)k*9}H7skrz5lk<Uc0y2z-x!?O}0a3k#F{$;s)%maWA=yT}2z|-N5ce=OTg(FM7(QDtjT_JK_T|f|$c6#Hr+-RvDH#ri3"
        "wN<`Gws_C{K}AafR^e7CDGe+qL$dCVVq;{2c)ER*ju_MXJ#Id`5pq#RY*^RFB$Ne)&1rko_aD2${hTJwl)HoWjW(Yd#{-e?^2X#O(;InG7"
        ">)tPhZp@ir=c6Y<`T@i&dey`}KvrN9l#J3~tFyp7oQ$l)AI@dE<mND0kaQhL3r98>|<6aCt@0suU!(g`Gcn&HvbHKdh3_iboBafMKsb{`H"
        "ooCPZWA>A8L(TNGncff18}?U=Yt=qcF7iC-@?NL;Td}_N4TmUgfB"
    ),
}
"""Two tiny networks with a head as ``graft train`` fuses it. They map 4 x 4 pixels to three probabilities; the
strongest channel of the mean colour wins. Compressed flatbuffers, as ``tests/support/device_models.py`` writes them."""

SIDE = 4


def main() -> None:
    """Tests the runtime or module named in ``sys.argv[1]`` and prints the result as JSON.

    After a runtime's name, model files may follow that the runtime has to open.
    """
    name, *models = sys.argv[1:]
    result = try_runtime(name, models) if name in {"litert", "tflite-runtime", "tensorflow"} else try_module(name)
    sys.stdout.write(f"\n{json.dumps(result)}\n")


def try_runtime(name: str, models: list[str]) -> dict[str, Any]:
    """Runs the tiny networks and opens the models under one runtime.

    Returns:
        ``runs``, the kinds of tiny network that ran; ``error``, why the first of the others failed, or None; and
        ``models``, for each file why it cannot be opened, or None.
    """
    runs: list[str] = []
    errors: list[Failure] = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, packed in MODELS.items():
            path = Path(folder) / f"{kind}.tflite"
            path.write_bytes(zlib.decompress(base64.b85decode(packed)))
            failure = _try_network(name, kind, path)
            if failure is None:
                runs.append(kind)
            else:
                errors.append(failure)
    opened = {model: _try_model(name, model) for model in models}
    return {"runs": runs, "error": asdict(errors[0]) if errors else None, "models": opened}


def try_module(name: str) -> dict[str, Any]:
    """Imports a module; returns its version and error, and for Picamera2 the names of the cameras that it sees."""
    try:
        module = importlib.import_module(name)
        result: dict[str, Any] = {"version": str(getattr(module, "__version__", "")) or None, "error": None}
        if name == "picamera2":
            cameras = module.Picamera2.global_camera_info()
            result["cameras"] = [str(camera.get("Model", "a camera")) for camera in cameras]
    except Exception as error:  # noqa: BLE001  any error is the result
        return {"version": None, "error": asdict(Failure.of(error))}
    return result


def _try_network(name: str, kind: str, path: Path) -> Failure | None:
    try:
        import numpy as np

        from graft_device.runtime import open_model

        runner = open_model(path, name, 1)
        low, high = (0, 255) if kind == "int8" else (-1, 1)
        for strongest in range(3):
            pixels = np.full((1, SIDE, SIDE, 3), low, runner.input.dtype)
            pixels[..., strongest] = high
            if runner(pixels)[0].argmax() != strongest:
                return Failure(f"gives wrong answers ({kind})")
    except Exception as error:  # noqa: BLE001  any error is the result
        return Failure.of(error)
    return None


def _try_model(name: str, path: str) -> str | None:
    try:
        from graft_device.classifier import Classifier

        Classifier(path, name)
    except Exception as error:  # noqa: BLE001  any error is the result
        return str(Failure.of(error))
    return None
