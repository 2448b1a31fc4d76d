#!/usr/bin/env python3
"""Is an ECS task definition with taskdns in it right? Says each mistake with its place and its mend.

Usage: check_task_definition.py [--taskdns PATH] FILE...

FILE is what `aws ecs register-task-definition --cli-input-json file://FILE` takes, or a CloudFormation template (each
AWS::ECS::TaskDefinition that has taskdns in it); Terraform is not read. Held against the ECS API's own description (botocore), against what ECS
refuses beyond that, and against what taskdns needs. With --taskdns, the program itself reads the configuration and the
command lines. Nothing leaves this machine. Needs Python 3.9, botocore and PyYAML, such as in an environment of its own:
python3 -m venv venv && venv/bin/pip install botocore pyyaml && venv/bin/python packaging/check_task_definition.py FILE

Exit status: 0 well, though there may be notes; 1 mistakes; 2 a file that cannot be read, or a program that cannot be run.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

try:
    from task_definition import check, daemon, read
except ImportError as error:
    sys.exit(f"check_task_definition: {error}: python3 -m venv venv && venv/bin/pip install botocore pyyaml, then run it by "
             "venv/bin/python")


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--taskdns", metavar="PATH", help="the program, to check configuration and command lines with")
    parser.add_argument("files", metavar="FILE", nargs="+")
    options = parser.parse_args(words)
    sys.stdout.reconfigure(errors="backslashreplace")  # JSON may have halves of characters
    try:
        taskdns = options.taskdns and daemon.program_at(options.taskdns)
    except ValueError as error:
        print(f"--taskdns: {error}", file=sys.stderr)
        return 2
    status = 0
    for file in options.files:
        try:
            definitions = read.definitions_of(read.text_of(file))
        except ValueError as error:
            print(f"{file}: {error}", file=sys.stderr)
            return 2
        for definition in definitions:
            findings = check.check_definition(definition, taskdns)
            for finding in findings.all:
                print(f"{file}{definition.name}: {finding}")
            if findings.mistakes:
                status = 1
            else:
                print(f"{file}{definition.name}: ok")
    return status


if __name__ == "__main__":
    sys.exit(main())
