#!/bin/bash
# What demo.sh shows, in order: started by it, in the place that it found. Usage: demo_story.sh KEEP ISOLATION
# Each step says in a line what it shows, and checks its own claim; a claim that fails makes the demo fail.
set -euo pipefail
keep=$1
isolation=$2
source packaging/steps.sh
source packaging/demo_world.sh

four="127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 "
three="127.0.0.11 127.0.0.13 127.0.0.14 "
five="${four}127.0.0.15 "

heading "A private hosted zone (knotd), a VPC resolver (unbound), four tasks of $service (web servers)"
write_zones 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14
start_authority
start_resolver
for last in 11 12 13 14; do start_backend $last; done

heading "taskdns beside the client, configured by its environment: ${settings[*]}"
start taskdns env "${settings[@]}" "$binary"
taskdns_pid=$started
wait_for "readiness of taskdns" 10 curl -sf -o /dev/null "$api/readyz"
indent <"$work/taskdns.log"

heading "Rotation: over 400 questions with dig, each address comes first equally often"
first=$(first_addresses 400)
indent <<<"$first"
claim "each of the four is first exactly 100 times" [ "$(awk '{ print $1 }' <<<"$first" | tr '\n' ' ')" = "100 100 100 100 " ]

heading "AAAA has no data, SRV has the port, TCP gives the same"
claim "dig AAAA: no error, no answer, an SOA" grep -q "status: NOERROR.*ANSWER: 0, AUTHORITY: 1" \
    <<<"$(ask "$service" AAAA | tr '\n' ' ')"
ask +short "$service" SRV | indent
claim "dig SRV gives port $port four times" [ "$(ask +short "$service" SRV | grep -c " $port ip-")" = 4 ]
claim "dig +tcp gives the four addresses" [ "$(ask +tcp +short "$service" | sort | tr '\n' ' ')" = "$four" ]

if [ "$isolation" != none ]; then
    heading "An application: 40 times plain 'curl http://$service:$port/', through the C library's resolver"
else
    heading "An application: 40 requests, each to the first address that taskdns gives"
fi
spread=$(requests 40)
indent <<<"$spread"
claim "each task got 10 of the requests" [ "$(awk '{ print $1 }' <<<"$spread" | tr '\n' ' ')" = "10 10 10 10 " ]

heading "A task dies: it leaves the answers at its next check, at most 2 s later, whatever the record's TTL"
killed_at=$EPOCHREALTIME
stop "${backend_pid[127.0.0.12]}" KILL
last_named=0
until answers_are "$three"; do
    last_named=$(seconds_since "$killed_at")
    [ "${last_named%.*}" -lt 10 ] || give_up "127.0.0.12 does not leave"
done
echo "    last answer that named 127.0.0.12: $last_named s after it was killed"
claim "within the check interval of 2 s and 0.1 s" awk "BEGIN { exit !($last_named <= 2.1) }"
spread=$(requests 30)
indent <<<"$spread"
claim "30 requests, no failure, the other three take turns" \
    [ "$(tr '\n' ' ' <<<"$spread")" = "10 127.0.0.11 10 127.0.0.13 10 127.0.0.14 " ]

heading "It starts again: it comes back after two good checks"
back_from=$EPOCHREALTIME
start_backend 12
wait_for "127.0.0.12 in the answers" 10 names 127.0.0.12
claim "127.0.0.12 is back after $(seconds_since "$back_from") s" answers_are "$four"

heading "The service grows: a fifth task registers itself in the zone (TTL 2 s)"
start_backend 15
registered_at=$EPOCHREALTIME
write_zones 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 127.0.0.15
kill -HUP "$knotd_pid"
wait_for "127.0.0.15 in the answers" 10 names 127.0.0.15
took=$(seconds_since "$registered_at")
claim "it is seen after $took s: within TTL + poll.min + 1.1 s = 5.1 s" awk "BEGIN { exit !($took <= 5.1) }"

heading "Another name is forwarded to the VPC resolver"
ask +noall +answer www.example A www.example TXT | indent
claim "www.example is 192.0.2.80" [ "$(ask +short www.example A)" = 192.0.2.80 ]
claim "a name that does not exist is NXDOMAIN" grep -q "status: NXDOMAIN" <<<"$(ask none.example A)"

heading "The VPC resolver is stopped for 6 s, three times the records' TTL: the answers stay"
stop "$unbound_pid"
stays() {
    local until=$((SECONDS + 7)) # whole seconds: 6 at the least
    while [ $SECONDS -lt $until ]; do answers_are "$five" || return 1; done
}
claim "every answer had all five" stays
claim "a request still goes through" grep -q "^backend" <<<"$(request)"

heading "It starts again, with an empty zone: the answers stay as long as the tasks pass their checks"
sed -i '/^resource-server/d; s/ [0-9]* 3600/ 99 3600/' "$work/local.zone"
kill -HUP "$knotd_pid"
start_resolver
claim "every answer of 6 s had all five" stays
claim "and says that it is stale (Extended DNS Error 3)" grep -q "EDE: 3" <<<"$(ask "$service" A)"

heading "What taskdns says about itself, on $api"
claim "/readyz is 200" [ "$(curl -s -o /dev/null -w '%{http_code}' "$api/readyz")" = 200 ]
claim "'taskdns healthcheck' exits with 0 and prints nothing" \
    [ "$("$binary" healthcheck --http "127.0.0.1:$http_port" 2>&1 && echo "exit 0")" = "exit 0" ]
echo "    /v1/services/$service/pick: $(curl -s "$api/v1/services/$service/pick")"
curl -s "$api/v1/services/$service" | python3 -m json.tool | sed -n '1,40s/^/    /p'
claim "/v1/services names the service" grep -q "$service" <<<"$(curl -s "$api/v1/services")"

if [ "$keep" = yes ]; then
    heading "All is left running, with the five tasks in the zone again; try it"
    serial=99
    write_zones 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 127.0.0.15
    kill -HUP "$knotd_pid"
    into=
    [ "$isolation" = none ] || into="nsenter -t $taskdns_pid -n -m"
    [[ $isolation != *--user* ]] || into="nsenter -t $taskdns_pid -U --preserve-credentials -n -m"
    [ -z "$into" ] || echo "    $into bash     # the client's place; then, there:"
    echo "    dig -p $dns_port @127.0.0.1 $service"
    echo "    curl http://$service:$port/"
    echo "    curl $api/v1/services/$service"
    echo "    kill ${backend_pid[127.0.0.13]}     # the task at 127.0.0.13"
    unmount=
    [[ $isolation != *unchanged* ]] || unmount="$into umount ${mounts[*]}; "
    echo "to stop all of it: ${unmount}kill ${pids[*]}; rm -r $work"
else
    heading "Stopping: SIGTERM ends taskdns"
    kill -TERM "$taskdns_pid"
    status=0
    wait "$taskdns_pid" || status=$?
    claim "exit status 0" [ $status = 0 ]
fi
[ $failed = 0 ] || give_up "a claim above does not hold"
end_step
