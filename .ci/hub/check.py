"""Opens a folder that `mira get -o DIR/` wrote, as others do: with `datasets`, `huggingface_hub` and `mlcroissant`.

    check.py DIR ROWS COLUMN VALUE

ROWS is how many rows there are, VALUE what stands in COLUMN of the first one.
"""

import hashlib
import importlib.metadata
import json
import pathlib
import sys

import datasets
import huggingface_hub
import mlcroissant


def main(folder, rows, column, value):
    folder = pathlib.Path(folder)

    opened = datasets.load_dataset(str(folder))
    assert list(opened) == ["train"], list(opened)
    assert opened["train"].num_rows == rows, opened["train"].num_rows
    assert str(opened["train"][0][column]) == value, opened["train"][0]
    print(f"datasets {datasets.__version__}: {rows} rows, {column} of the first is {value}")

    card = huggingface_hub.DatasetCard.load(folder / "README.md")
    assert card.data.configs[0]["data_files"] == "chunks/*/*.parquet", card.data.to_dict()
    print(f"huggingface_hub {huggingface_hub.__version__}: license {card.data.license}")

    described = mlcroissant.Dataset(str(folder / "croissant.json"))
    assert not described.metadata.ctx.issues.errors, described.metadata.ctx.issues.report()
    records = list(described.records(record_set="rows"))
    assert len(records) == rows, len(records)
    names = list(opened["train"].features)
    first = records[0][f"rows/{names.index(column)}"]
    assert (first.decode() if isinstance(first, bytes) else str(first)) == value, records[0]
    for item in json.loads((folder / "croissant.json").read_text())["distribution"]:
        if "sha256" in item:
            found = hashlib.sha256((folder / item["contentUrl"]).read_bytes()).hexdigest()
            assert found == item["sha256"], item["contentUrl"]
    print(f"mlcroissant {importlib.metadata.version('mlcroissant')}: {len(records)} records, every digest fits")


main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
