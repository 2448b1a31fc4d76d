"""As an application with gRPC's C-core does it, without generated code: one channel, a call after the other.

Usage: follow_grpc.py NAME PORT TRIES LIFE   (the server ends connections); prints as README.md says
"""
import sys
import time

# recipe
import grpc

SERVICE = """{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.1s", "maxBackoff": "1s",
      "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]
}"""


def new_channel(target):  # "dns:///greeter.local:50051", or "dns://127.0.0.1:5353/greeter.local:50051"
    return grpc.insecure_channel(target, options=[
        ("grpc.service_config", SERVICE),
        ("grpc.enable_retries", 1),
        ("grpc.dns_min_time_between_resolutions_ms", 1000),  # else 30 s
        ("grpc.keepalive_time_ms", 10000),  # finds who says nothing any more
        ("grpc.keepalive_timeout_ms", 2000),
    ])


# end of recipe


def main():
    who = new_channel(f"dns://127.0.0.1:53/{sys.argv[1]}:{sys.argv[2]}").unary_unary("/follow.Greeter/Who")
    while True:
        began, clock = time.time(), time.monotonic()
        try:
            text = "ok " + who(b"", timeout=1).decode()
        except grpc.RpcError as error:
            text = f"error {error.code().name} {error.details()}"
        print(f"{began:.3f} {time.monotonic() - clock:.3f} {text}", flush=True)
        time.sleep(0.1)


main()
