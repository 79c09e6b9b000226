"""Labels a folder of photos with an ONNX model: the teacher whose masks the network learns from.

Each photo gets a mask of its own size, OUT/STEM.png, grey, 255 where the teacher is sure of foreground, and a line in
OUT/labels.csv that says how far the teacher is to be trusted. A run that was stopped goes on where it was: start it again.
"""

import argparse
import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import data

HERE = Path(__file__).resolve().parent
FIELDS = ("name", "teacher", "certainty", "inside", "share")


@dataclass
class Teacher:
    """How to ask a model, read from a description such as isnet.json.

    The model takes 1×3×side×side numbers (v − mean)/scale, v being 0–255, of a photo that was squeezed to a square, and returns
    an estimate of the foreground, of any size, as its first output.
    """

    name: str
    side: int  # px
    order: str  # RGB or BGR
    mean: float | list  # one number, or one for each channel
    scale: float | list
    output: str  # probability, or logits if the model leaves out the sigmoid

    def __post_init__(self):
        for field, values in (("order", ("RGB", "BGR")), ("output", ("probability", "logits"))):
            if getattr(self, field) not in values:
                raise ValueError(f"{field} must be {' or '.join(values)}, is {getattr(self, field)}")

    def input(self, image):
        """Makes the model's 1×3×side×side input of an RGB image."""
        reduces = min(image.size) > self.side
        image = image.resize((self.side, self.side), Image.Resampling.BOX if reduces else Image.Resampling.BILINEAR)
        pixels = np.asarray(image, np.float32)
        if self.order == "BGR":
            pixels = pixels[..., ::-1]
        pixels = (pixels - np.float32(self.mean)) / np.float32(self.scale)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)

    def mask(self, output, size):
        """Makes a grey image of the given width and height of the model's output."""
        p = np.squeeze(output).astype(np.float32)
        if p.ndim != 2:
            raise ValueError(f"the model's output has the shape {np.shape(output)}, one channel is needed")
        if self.output == "logits":
            p = 1 / (1 + np.exp(-p))
        smaller = size[0] < p.shape[1]
        image = Image.fromarray(p).resize(size, Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR)
        return Image.fromarray((np.clip(np.asarray(image), 0, 1) * 255).round().astype(np.uint8))


def read_teacher(file):
    return Teacher(**json.loads(Path(file).read_text()))


def read_model(path):
    """Returns the bytes of an ONNX file.

    path may also be the unpacked package @imgly/background-removal-data, which has IS-Net in pieces: dist/resources.json lists
    them.
    """
    if path.is_file():
        return path.read_bytes()
    dist = path / "dist"
    chunks = json.loads((dist / "resources.json").read_text())["/models/medium"]["chunks"]
    return b"".join((dist / chunk["hash"]).read_bytes() for chunk in chunks)


def trust(mask):
    """How far a mask is to be trusted, each 0–1.

    certainty is the mean of |2p − 1| over all pixels, inside is the same over the foreground alone, share is the foreground's
    share of the picture. A teacher that found no subject, or cannot tell where it ends, has little of either.
    """
    p = np.asarray(mask, np.float32) / 255
    sure, foreground = np.abs(2 * p - 1), p > 0.5
    inside = sure[foreground].mean() if foreground.any() else 0
    return {"certainty": sure.mean(), "inside": inside, "share": foreground.mean()}


def labelled(file):
    """Returns the names in a labels.csv. What a killed run wrote of a line is cut off before."""
    if not file.exists():
        return set()
    content = file.read_bytes()
    os.truncate(file, content.rfind(b"\n") + 1)
    with file.open(newline="") as lines:
        return {row["name"] for row in csv.DictReader(lines)}


def label(images, out, teacher, run, limit=0):
    """Labels what has no label yet, at most limit photos if that is not 0; returns how many. run maps input to output."""
    out.mkdir(parents=True, exist_ok=True)
    table = out / "labels.csv"
    done, count = labelled(table), 0
    if not table.exists() and any(out.iterdir()):
        raise ValueError(f"{out} holds files that no teacher made: name another folder, or its masks would be replaced")
    with table.open("a", newline="") as lines:
        rows = csv.DictWriter(lines, FIELDS)
        if lines.tell() == 0:
            rows.writeheader()
        for file in data.files(images):
            if file.stem in done or limit and count == limit:
                continue
            try:
                image = data.read_image(file, data.FULL_SIDE)
            except data.UNREADABLE as error:
                print(f"left out: {file}: {error}", flush=True)
                continue
            mask = teacher.mask(run(teacher.input(image)), image.size)
            encoded = io.BytesIO()
            mask.save(encoded, "PNG", optimize=True)
            data.write_whole(out / f"{file.stem}.png", encoded.getvalue())
            numbers = {k: f"{v:.4f}" for k, v in trust(mask).items()}
            rows.writerow({"name": file.stem, "teacher": teacher.name, **numbers})
            lines.flush()
            done.add(file.stem)
            count += 1
            if count % 20 == 0:
                print(f"{len(done)} labelled", flush=True)
    return count


def session(model, threads):
    """Returns a function that runs an ONNX model on its one input and returns its first output."""
    import onnxruntime  # here, for only this needs it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    s = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = s.get_inputs()[0].name
    return lambda x: s.run(None, {name: x})[0]


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--images", type=Path, required=True, metavar="DIR", help="photos")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where masks and labels.csv go")
    p.add_argument("--model", type=Path, required=True, metavar="FILE", help="ONNX file, or the folder of @imgly/background-removal-data")
    p.add_argument("--teacher", type=Path, default=HERE / "isnet.json", metavar="FILE", help="description of the model; default: isnet.json")
    p.add_argument("--limit", type=int, default=0, help="label at most so many; default: all")
    p.add_argument("--threads", type=int, default=0, help="of ONNX Runtime; default: one for each core")
    args = p.parse_args(argv)
    try:
        run = session(read_model(args.model), args.threads)
        count = label(args.images, args.out, read_teacher(args.teacher), run, args.limit)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    print(f"{count} photos labelled, {args.out / 'labels.csv'} has all")


if __name__ == "__main__":
    main()
