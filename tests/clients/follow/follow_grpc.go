// As an application with grpc-go does it, without generated code: one channel, a call after the other.
// Usage: follow_grpc NAME PORT TRIES LIFE   (the server ends connections); prints as README.md says
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

type text struct{}

func (text) Marshal(value interface{}) ([]byte, error)        { return *value.(*[]byte), nil }
func (text) Unmarshal(octets []byte, value interface{}) error { *value.(*[]byte) = octets; return nil }
func (text) Name() string                                     { return "text" }

// recipe
const service = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.1s", "maxBackoff": "1s",
      "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]
}`

func dial(target string) (*grpc.ClientConn, error) { // "dns:///greeter.local:50051"
	return grpc.Dial(target, grpc.WithInsecure(),
		grpc.WithDefaultServiceConfig(service),
		grpc.WithDisableServiceConfig(), // else each resolution also asks for TXT _grpc_config.greeter.local
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second}))
}

// end of recipe

func main() {
	connection, err := dial("dns:///" + os.Args[1] + ":" + os.Args[2])
	if err != nil {
		panic(err)
	}
	for {
		began := time.Now()
		deadline, cancel := context.WithTimeout(context.Background(), time.Second)
		question, answer := []byte{}, []byte{}
		err := connection.Invoke(deadline, "/follow.Greeter/Who", &question, &answer, grpc.ForceCodec(text{}))
		cancel()
		outcome := "ok " + string(answer)
		if err != nil {
			outcome = "error " + err.Error()
		}
		fmt.Printf("%.3f %.3f %s\n", float64(began.UnixNano())/1e9, time.Since(began).Seconds(), outcome)
		time.Sleep(100 * time.Millisecond)
	}
}
