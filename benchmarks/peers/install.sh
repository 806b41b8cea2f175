#!/bin/sh
# Install the peers, each in a virtual environment of its own:
#
#     benchmarks/peers/install.sh [FOLDER] [PYTHON]
#
# FOLDER is benchmarks/.peers unless another is given. pytorch-widedeep imports
# torchvision, which loads only beside the very build of torch that it was made for: so
# both are named. On Linux they come with CUDA, 6.6 GB, though nothing here uses it.
set -eu
folder=${1:-"$(dirname "$0")/../.peers"}
python=${2:-python3}

install() {
    name=$1
    shift
    "$python" -m venv "$folder/$name"
    "$folder/$name/bin/python" -m pip install --quiet "$@"
}

install keras keras==3.15.1 'tensorflow-cpu==2.21.*'
install widedeep torch==2.14.1 torchvision==0.29.1 pytorch-widedeep==1.7.0
