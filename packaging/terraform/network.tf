data "aws_availability_zones" "available" {
  count = var.vpc_id == null ? 1 : 0
  state = "available"
}

locals {
  new_vpc    = var.vpc_id == null ? 1 : 0
  vpc_id     = var.vpc_id == null ? aws_vpc.this[0].id : var.vpc_id
  subnet_ids = var.vpc_id == null ? aws_subnet.this[*].id : var.subnet_ids
}

resource "aws_vpc" "this" {
  count                = local.new_vpc
  cidr_block           = "10.0.0.0/16"
  enable_dns_support   = true # private namespaces need both
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_internet_gateway" "this" {
  count  = local.new_vpc
  vpc_id = aws_vpc.this[0].id
}

resource "aws_subnet" "this" {
  count             = 2 * local.new_vpc
  vpc_id            = aws_vpc.this[0].id
  cidr_block        = "10.0.${count.index + 1}.0/24"
  availability_zone = data.aws_availability_zones.available[0].names[count.index]
}

resource "aws_route_table" "this" {
  count  = local.new_vpc
  vpc_id = aws_vpc.this[0].id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this[0].id
  }
}

resource "aws_route_table_association" "this" {
  count          = 2 * local.new_vpc
  subnet_id      = aws_subnet.this[count.index].id
  route_table_id = aws_route_table.this[0].id
}

resource "aws_security_group" "client" {
  name_prefix = "${var.name}-client-"
  description = "client and its taskdns, which ask the VPC resolver and resource-server"
  vpc_id      = local.vpc_id
}

resource "aws_security_group" "resource_server" {
  name_prefix = "${var.name}-resource-server-"
  description = "resource-server"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "all" {
  for_each          = { client = aws_security_group.client.id, resource_server = aws_security_group.resource_server.id }
  security_group_id = each.value
  description       = "all: images, logs, and for client resource-server"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "resource_server" {
  security_group_id            = aws_security_group.resource_server.id
  description                  = "requests of client, and the checks of its taskdns, which come from the same address"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = aws_security_group.client.id
}
