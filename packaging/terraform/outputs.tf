output "cluster_name" {
  description = "The cluster."
  value       = aws_ecs_cluster.this.name
}

output "client_service_name" {
  description = "The service with taskdns in its tasks."
  value       = aws_ecs_service.client.name
}

output "resource_server_name" {
  description = "What client resolves."
  value       = local.server_name
}

output "log_group_name" {
  description = "The log of all containers."
  value       = aws_cloudwatch_log_group.this.name
}

output "follow_client" {
  description = "Shows a line per second with the address that client was given; stop a task of resource-server meanwhile."
  value       = "aws logs tail ${aws_cloudwatch_log_group.this.name} --region ${data.aws_region.current.name} --follow --log-stream-name-prefix application"
}
