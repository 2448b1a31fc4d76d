// As an application in Go does it: net/http, with a pool whose connections do not live long.
// GODEBUG=netdns=go uses Go's own resolver, netdns=cgo the C library's.
// Usage: follow NAME PORT TRIES LIFE   (seconds; 0: a connection for each request); prints as README.md says
package main

import (
	"fmt"
	"io/ioutil"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// recipe
// A client whose connections, once a life is over, are closed instead of used again.
func newClient(life time.Duration) *http.Client {
	transport := &http.Transport{
		DialContext:       (&net.Dialer{Timeout: time.Second}).DialContext,
		DisableKeepAlives: life == 0,
	}
	if life > 0 {
		go func() {
			for range time.Tick(life) {
				transport.CloseIdleConnections() // those in use too, as soon as they are idle
			}
		}()
	}
	return &http.Client{Transport: transport, Timeout: 2 * time.Second}
}

// end of recipe

func request(client *http.Client, url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := ioutil.ReadAll(response.Body)
	return strings.TrimSpace(string(body)), err
}

func main() {
	url := "http://" + net.JoinHostPort(os.Args[1], os.Args[2]) + "/"
	tries, _ := strconv.Atoi(os.Args[3])
	life, _ := strconv.Atoi(os.Args[4])
	client := newClient(time.Duration(life) * time.Second)
	for {
		began := time.Now()
		address, err := request(client, url)
		for i := 1; i < tries && err != nil; i++ {
			time.Sleep(100 * time.Millisecond)
			address, err = request(client, url)
		}
		outcome := "ok " + address
		if err != nil {
			outcome = "error " + err.Error()
		}
		fmt.Printf("%.3f %.3f %s\n", float64(began.UnixNano())/1e9, time.Since(began).Seconds(), outcome)
		time.Sleep(100 * time.Millisecond)
	}
}
