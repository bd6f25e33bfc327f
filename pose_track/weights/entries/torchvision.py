"""Torchvision's detectors and optical flows, with their own figures."""

from __future__ import annotations

from pose_track.weights.entries.entry import Licence, PublishedWeights, Use

_FOLDER = "https://download.pytorch.org/models/"

# name of torchvision's builder, file, SHA-256, result
_DETECTORS = (
    ("fasterrcnn_resnet50_fpn_v2", "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth",
     "dd69338a24b8d7381807e247652bdc356325bcbaf1cd3e092e00e0a1a58706bf", "COCO val2017 box AP 46.7"),
    ("fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth",
     "fb6a3cc702b1df54c18a44b26708cd083614211062d0c36d2ca7bf9270df3533", "COCO val2017 box AP 32.8"),
    ("fasterrcnn_mobilenet_v3_large_320_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth",
     "907ea3f91ff92242bc1baea8049276a3e76bca48ce7560bd268cc029f37977b5", "COCO val2017 box AP 22.8"),
    ("fcos_resnet50_fpn", "fcos_resnet50_fpn_coco-99b0c9b7.pth",
     "99b0c9b7cfb1527d782db86b91d207f00547c792fb4103fc612b651d0a07b9e7", "COCO val2017 box AP 39.2"),
    ("keypointrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn_coco-fc266e95.pth",
     "fc266e953d2b302cdcbb9ae66f71f6b0d4649928bf02dc573961e361e4918926", "COCO val2017 box AP of people 54.6"),
)  # fmt: skip
_FLOWS = (
    ("raft_small", "raft_small_C_T_V2-01064c6d.pth",
     "01064c6dba73b0fc9fc8edf772248560a00a3acfd62ac6677e9eeebad9680e27",
     "Sintel train, clean, end-point error 1.9901"),
    ("raft_large", "raft_large_C_T_SKHT_V2-ff5fadd5.pth",
     "ff5fadd56d26b40647388883af1547351ea17868b765c05b27231e72dd16a322",
     "Sintel test, clean, end-point error 1.819"),
)  # fmt: skip


def _entry(use: Use, data: str, name: str, file: str, sha256: str, result: str) -> PublishedWeights:
    return PublishedWeights(
        name=name,
        file=file,
        urls=(_FOLDER + file,),
        sha256=sha256,
        use=use,
        licence=Licence("BSD-3-Clause", "not stated apart from the code's", data),
        source="torchvision, https://github.com/pytorch/vision",
        result=result,
    )


DETECTORS = tuple(_entry("detector", "COCO, images of many licences", *row) for row in _DETECTORS)
FLOWS = tuple(_entry("flow", "FlyingChairs, FlyingThings3D, Sintel and others, for research", *row) for row in _FLOWS)
