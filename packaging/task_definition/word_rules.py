"""Names, images and ARNs as ECS takes them, and words of examples that nobody has replaced."""
import re

from task_definition.service_model import PLACEHOLDER

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
IMAGE = re.compile(r"[A-Za-z0-9_:./#-]{1,255}")
DIGEST = re.compile(r"sha256:[0-9A-Fa-f]{64}")
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")
EXAMPLE = re.compile(r"\.\.\.|<[^<>]*>|(?<![A-Za-z0-9])(?:ACCOUNT|REGION)(?![A-Za-z0-9])")


def check(task, findings):
    check_name("family", task.get("family", ""), findings)
    check_role("executionRoleArn", task.get("executionRoleArn"), findings)
    check_filled_in("taskRoleArn", task.get("taskRoleArn", ""), findings)
    for container in task.containers:
        if not container.get("name"):
            findings.mistake(f"{container.place}.name", "is missing")
        else:
            check_name(container.at("name"), container.name, findings)
        check_image(container, findings)
        for key, value in container.log_options.items():
            check_filled_in(container.at(f"logConfiguration.options.{key}"), value, findings)
        for i, secret in enumerate(container.get("secrets", [])):
            check_filled_in(container.at(f"secrets[{i}].valueFrom"), secret.get("valueFrom", ""), findings)


def known_part(text):
    """With a word in the place of each ${NAME}."""
    return PLACEHOLDER.sub("x", text)


def check_name(place, text, findings):
    if not NAME.fullmatch(known_part(text)):
        findings.mistake(place, f"'{text}' is not a name to ECS: up to 255 letters, digits, - and _")


def check_filled_in(place, text, findings):
    """Whether it is."""
    match = EXAMPLE.search(known_part(str(text)))
    if match:
        findings.mistake(place, f"'{text}' still has the example's {match[0]}: fill it in")
    return not match


def check_role(place, text, findings):
    """The short name, which a task role may have, does not do for the execution role."""
    if not text or not check_filled_in(place, text, findings) or PLACEHOLDER.search(text):
        return
    if not ROLE.fullmatch(text):
        findings.mistake(place, f"'{text}' is not the ARN of a role: arn:aws:iam::123456789012:role/NAME")


def check_image(container, findings):
    place = container.at("image")
    if not container.image:
        findings.mistake(place, "is missing")
        return
    if not check_filled_in(place, container.image, findings):
        return
    name, at, digest = known_part(container.image).partition("@")
    if not IMAGE.fullmatch(name):
        findings.mistake(place, f"'{container.image}' is not an image's name: letters, digits and - _ : . / #")
    elif at and not DIGEST.fullmatch(digest) and "${" not in container.image.partition("@")[2]:
        findings.mistake(place, f"'@{digest}' is not a digest: @sha256: and 64 hex digits, as docker push prints it")
    elif not at and "${" not in container.image:
        findings.note(place, f"{container.image} is not pinned: name@sha256:... is the same image in every task of a "
                             "deployment, and tomorrow")
