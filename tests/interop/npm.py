"""What npm brings into the build directory."""
import filecmp
import os
import shutil
import subprocess


def install(manifest, folder):
    """Makes `folder` one with the node_modules that the manifest, a package.json, asks for; returns it."""
    copy = os.path.join(folder, 'package.json')
    if os.path.exists(os.path.join(folder, 'node_modules', '.package-lock.json')) and filecmp.cmp(manifest, copy, shallow=False):
        return folder
    os.makedirs(folder, exist_ok=True)
    shutil.copy(manifest, copy)
    subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts'], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder
