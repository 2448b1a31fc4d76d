#!/usr/bin/env python3
"""Is an ECS task definition with taskdns in it right? Says each mistake with its place and its mend.

Usage: check_task_definition.py [--taskdns PATH] FILE...

FILE is what `aws ecs register-task-definition --cli-input-json file://FILE` takes, or a CloudFormation template (each
AWS::ECS::TaskDefinition that has taskdns in it). Held against the ECS API's own description (botocore), against what ECS
refuses beyond that, and against what taskdns needs. With --taskdns, the program itself reads the configuration and the
command lines. Nothing leaves this machine. Needs Python 3.9, and: python3 -m pip install botocore pyyaml

Exit status: 0 well, though there may be notes; 1 mistakes; 2 a file that cannot be read.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

try:
    from task_definition import check, read
except ImportError as error:
    sys.exit(f"check_task_definition: {error}: python3 -m pip install botocore pyyaml")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--taskdns", metavar="PATH", help="the program, to check configuration and command lines with")
    parser.add_argument("files", metavar="FILE", nargs="+")
    options = parser.parse_args()
    status = 0
    for file in options.files:
        try:
            definitions = read.definitions_of(pathlib.Path(file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            print(f"{file}: {error}", file=sys.stderr)
            return 2
        for name, raw in definitions:
            findings = check.check(raw, options.taskdns)
            for finding in findings.all:
                print(f"{file}{name}: {finding}")
            if findings.mistakes:
                status = 1
            else:
                print(f"{file}{name}: ok")
    return status


if __name__ == "__main__":
    sys.exit(main())
