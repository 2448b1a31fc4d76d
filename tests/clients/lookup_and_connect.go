// As an application in Go does it: LookupHost, then dial the first address.
// GODEBUG=netdns=go uses Go's own resolver, netdns=cgo the C library's.
// Usage: lookup_and_connect COUNT PORT NAME...   prints for each name: NAME ADDRESS COUNT
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
)

func connectOnce(name, port string) string {
	addresses, err := net.LookupHost(name)
	if err != nil {
		log.Fatal(err)
	}
	connection, err := net.Dial("tcp", net.JoinHostPort(addresses[0], port))
	if err != nil {
		log.Fatal(err)
	}
	connection.Close()
	return addresses[0]
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range os.Args[3:] {
		tally := map[string]int{}
		for i := 0; i < count; i++ {
			tally[connectOnce(name, os.Args[2])]++
		}
		for address, times := range tally {
			fmt.Println(name, address, times)
		}
	}
}
