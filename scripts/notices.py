#!/usr/bin/env python3
"""notices.py FEATURE: the notices of every crate in the extension built with FEATURE (pg17), from the packages that cargo has fetched.

A licence's text is printed once, below the names of the crates whose packages hold it, letter for letter."""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LICENCE_FILE = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)", re.IGNORECASE)


def linked_packages(feature):
    """Packages reached from the extension through normal dependencies, its own workspace left out."""
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--no-default-features", f"--features={feature}"]
    host = re.search(r"host: (\S+)", subprocess.check_output(["rustc", "-vV"], text=True)).group(1)
    metadata = json.loads(subprocess.check_output([*command, f"--filter-platform={host}"], cwd=ROOT))
    dependencies = {node["id"]: node["deps"] for node in metadata["resolve"]["nodes"]}
    reached, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        package = waiting.pop()
        if package not in reached:
            reached.add(package)
            waiting += [d["pkg"] for d in dependencies[package] if any(kind["kind"] is None for kind in d["dep_kinds"])]
    reached -= set(metadata["workspace_members"])
    return sorted((p for p in metadata["packages"] if p["id"] in reached), key=lambda p: (p["name"], p["version"]))


def texts(package):
    """The licence texts of a package; the standard MIT text where it holds none."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [file for file in folder.rglob("*") if file.is_file() and LICENCE_FILE.match(str(file.relative_to(folder)))]
    if package["license_file"]:
        files.append(folder / package["license_file"])
    if files:
        return [file.read_text(encoding="utf-8", errors="replace").strip() for file in sorted(set(files))]
    if package["license"] != "MIT":
        sys.exit(f"error: {package['name']} {package['version']} ({package['license']}) holds no licence text")
    authors = ", ".join(re.sub(r" *<.*?>", "", author) for author in package["authors"]) or "its authors"
    return [f"Copyright (c) {authors}\n\n" + (ROOT / "packaging/licences/MIT").read_text().strip()]


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FEATURE")
    packages = linked_packages(sys.argv[1])
    print(f"drugembed holds the following {len(packages)} crates. Their licence texts are below.\n")
    holders = {}
    for package in packages:
        print(f"{package['name']} {package['version']}  {package['license']}  {package['repository'] or ''}".rstrip())
        for text in texts(package):
            holders.setdefault(text, []).append(f"{package['name']} {package['version']}")
    for text, names in holders.items():
        print(f"\n{'=' * 80}\n{', '.join(names)}\n{'-' * 80}\n{text}")


main()
