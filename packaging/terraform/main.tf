data "aws_region" "current" {}
data "aws_partition" "current" {}

# --- the registry ---
resource "aws_service_discovery_private_dns_namespace" "this" {
  name = var.namespace
  vpc  = local.vpc_id
}

resource "aws_service_discovery_service" "this" {
  for_each = toset(["resource-server", "client"])
  name     = each.key

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = var.record_ttl
    }
  }

  health_check_custom_config {
    failure_threshold = 1
  }
}

# --- what the tasks may, and where they log ---
resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${var.name}"
  retention_in_days = var.log_retention_days
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "execution" {
  name_prefix        = "${var.name}-execution-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role" "exec" {
  count              = var.enable_exec ? 1 : 0
  name_prefix        = "${var.name}-exec-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

data "aws_iam_policy_document" "exec" {
  statement {
    actions = [
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "exec" {
  count  = var.enable_exec ? 1 : 0
  role   = aws_iam_role.exec[0].id
  policy = data.aws_iam_policy_document.exec.json
}

# --- the services ---
resource "aws_ecs_cluster" "this" {
  name = var.name
}

resource "aws_ecs_service" "resource_server" {
  name            = "resource-server"
  cluster         = aws_ecs_cluster.this.id
  launch_type     = "FARGATE"
  task_definition = aws_ecs_task_definition.resource_server.arn
  desired_count   = var.resource_server_count

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.resource_server.id]
    assign_public_ip = var.assign_public_ip
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this["resource-server"].arn
  }

  lifecycle {
    precondition {
      condition     = var.vpc_id == null || length(var.subnet_ids) > 0
      error_message = "With vpc_id, subnet_ids must name subnets of that VPC."
    }
  }

  depends_on = [aws_route_table_association.this, aws_iam_role_policy_attachment.execution]
}

resource "aws_ecs_service" "client" {
  name                   = "client"
  cluster                = aws_ecs_cluster.this.id
  launch_type            = "FARGATE"
  task_definition        = aws_ecs_task_definition.client.arn
  desired_count          = var.client_count
  enable_execute_command = var.enable_exec

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.client.id]
    assign_public_ip = var.assign_public_ip
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this["client"].arn
  }

  depends_on = [aws_route_table_association.this, aws_iam_role_policy_attachment.execution]
}
