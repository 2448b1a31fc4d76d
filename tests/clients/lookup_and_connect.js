// As an application in Node.js does it: dns.lookup in its default order, then connect to the address that it gave.
// Usage: node lookup_and_connect.js COUNT PORT NAME...   prints for each name: NAME ADDRESS COUNT
'use strict';
const dns = require('dns').promises;
const net = require('net');

function connect(address, port) {
    return new Promise((resolve, reject) => {
        const connection = net.connect({host: address, port}, () => {
            connection.destroy();
            resolve();
        });
        connection.on('error', reject);
    });
}

async function main(count, port, names) {
    for (const name of names) {
        const tally = new Map();
        for (let i = 0; i < count; ++i) {
            const {address} = await dns.lookup(name);
            await connect(address, port);
            tally.set(address, (tally.get(address) || 0) + 1);
        }
        for (const [address, times] of tally) console.log(name, address, times);
    }
}

main(Number(process.argv[2]), Number(process.argv[3]), process.argv.slice(4));
