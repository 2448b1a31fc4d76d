// As an application in Node.js does it: http.get, with an agent whose connections do not live long.
// Usage: node follow.js NAME PORT TRIES LIFE   (seconds; 0: a connection for each request); prints as README.md says
'use strict';
const http = require('http');
const net = require('net');

// recipe
net.setDefaultAutoSelectFamily(true);  // the default from Node.js 20 on: the next address after 250 ms, or a refusal

// An agent whose connections serve for so many seconds.
function newAgent(life) {
    let agent = new http.Agent({keepAlive: true});
    setInterval(() => {
        const old = agent;
        agent = new http.Agent({keepAlive: true});
        setTimeout(() => old.destroy(), 2000);  // when its last request has ended
    }, life * 1000).unref();
    return () => agent;
}
// end of recipe

const [name, port, tries, life] = [process.argv[2], ...process.argv.slice(3, 6).map(Number)];
const agent = life > 0 ? newAgent(life) : () => new http.Agent({keepAlive: false});
const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

function request() {
    return new Promise((resolve, reject) => {
        const asked = http.get({host: name, port, agent: agent(), timeout: 2000}, response => {
            let body = '';
            response.on('data', piece => body += piece);
            response.on('end', () => resolve(body.trim()));
        });
        asked.on('timeout', () => asked.destroy(new Error('timeout')));
        asked.on('error', reject);
    });
}

async function outcome() {
    for (let left = tries;; --left) {
        try {
            return 'ok ' + await request();
        } catch (error) {
            if (left <= 1) return 'error ' + (error.code || error.message);
            await pause(100);
        }
    }
}

async function main() {
    for (;;) {
        const began = Date.now() / 1000;
        const text = await outcome();
        console.log(began.toFixed(3), (Date.now() / 1000 - began).toFixed(3), text);
        await pause(100);
    }
}

main();
