"""What packaging/check_task_definition.py knows: how task definitions are written, and what is right in them."""
