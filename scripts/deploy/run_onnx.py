"""Checks ONNX files and runs them: `run_onnx.py cases.json` prints the logits of each case as JSON (test/deploy/onnx-runtimes.test.ts)."""
import json
import sys

import numpy
import onnx
import onnxruntime


def main():
    with open(sys.argv[1]) as file:
        task = json.load(file)
    pixels = numpy.array(task["images"], dtype=numpy.uint8).reshape(task["shape"])
    mean, std = (numpy.array(task[name], dtype=numpy.float32) for name in ("mean", "std"))
    normalised = ((pixels / numpy.float32(255) - mean) / std).transpose(0, 3, 1, 2).astype(numpy.float32)
    results = {}
    for case in task["cases"]:
        model = onnx.load(case["path"])
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(case["path"], providers=["CPUExecutionProvider"])
        images = pixels if case["input"] == "uint8" else normalised
        (logits,) = session.run(["logits"], {"images": images})
        (first,) = session.run(["logits"], {"images": images[:1]})
        results[case["name"]] = {
            "logits": logits.ravel().tolist(),
            "first": first.ravel().tolist(),
            "opset": model.opset_import[0].version,
        }
    print(json.dumps(results))


main()
