
'use strict';
(() => {
  const by_id = id => document.getElementById(id);
  const still = matchMedia('(prefers-reduced-motion: reduce)');

  // --- The page is drawn by the daemon; here only what has changed of it is put in its place. ---
  const key_of = node => (node.nodeType === 1 ? node.id || node.dataset.key || '' : '');
  const unfolded_by_hand = new WeakSet();
  const local = new Set(['hidden', 'data-new']);

  function flash(element) {
    if (element.tagName === 'OL') {
      if (still.matches) return;
      for (const item of element.children) {
        item.animate([{ transform: 'translateX(2.5rem)', opacity: 0.4 }, {}], { duration: 350, easing: 'ease-out' });
      }
      return;
    }
    element.dataset.new = '';
    clearTimeout(element.flashing);
    element.flashing = setTimeout(() => delete element.dataset.new, 6000);
    if (!still.matches) element.animate([{ backgroundColor: 'rgb(88 166 255 / .45)' }, {}], { duration: 1500 });
  }

  function morph_attributes(old, fresh) {
    for (const { name, value } of fresh.attributes) {
      if (name === 'open' && unfolded_by_hand.has(old)) continue;
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (fresh.hasAttribute(name) || local.has(name)) continue;
      if (name === 'open' && unfolded_by_hand.has(old)) continue;
      old.removeAttribute(name);
    }
  }

  function morph(old, fresh) {
    if (old.nodeType !== 1) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    const changed = old.dataset.mark !== fresh.dataset.mark;
    morph_attributes(old, fresh);
    const wanted = new Set([...fresh.childNodes].map(key_of));
    const keyed = new Map();
    for (const child of [...old.childNodes]) {
      const key = key_of(child);
      if (key && !wanted.has(key)) child.remove();
      else if (key) keyed.set(key, child);
    }
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const key = key_of(child);
      let match = key ? keyed.get(key) : at && !key_of(at) ? at : null;
      if (match && match.nodeName !== child.nodeName) match = null;
      if (!match) {
        old.insertBefore(child, at);
        if (key) flash(child);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morph(match, child);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    if (changed) flash(old);
  }

  function show(text) {
    const fresh = new DOMParser().parseFromString(text, 'text/html');
    const summary = fresh.getElementById('summary');
    const detail = fresh.getElementById('detail');
    if (!summary || !detail) throw new Error('this is not the status page');
    const focused = document.activeElement;
    morph(by_id('summary'), summary);
    morph(by_id('detail'), detail);
    if (focused && focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    document.title = by_id('summary').dataset.title + ' - taskdns';
    filter();
  }

  // --- Live: on each event, and every two seconds all the same, since ages and figures are no events. ---
  const every = 2000;
  let timer = 0, events = null, events_tried = -Infinity, failures = 0, busy = false, again = false, paused = false;
  let last_good = new Date();
  const running = () => !paused && !document.hidden;

  function say(state, text) {
    document.body.dataset.state = by_id('live').dataset.state = state;
    if (by_id('live').textContent !== text) by_id('live').textContent = text;
  }

  function listen() {
    if (events || performance.now() - events_tried < 10000) return;
    events_tried = performance.now();
    events = new EventSource('/v1/events');
    const soon = () => {
      if (busy) again = true;
      else wait(150);
    };
    for (const name of ['service', 'removed', 'reset']) events.addEventListener(name, soon);
    events.onerror = () => {
      stop_listening();
      if (running() && !failures && !busy) wait(150);  // perhaps the daemon has gone: look
    };
  }

  function stop_listening() {
    if (events) events.close();
    events = null;
  }

  function wait(milliseconds) {
    clearTimeout(timer);
    timer = running() ? setTimeout(refresh, milliseconds) : 0;
  }

  async function refresh() {
    if (busy) return;
    busy = true;
    again = false;
    const began = performance.now();
    let next;
    try {
      const answer = await fetch('/?fragment', { cache: 'no-store', signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error('HTTP ' + answer.status);
      show(await answer.text());
      failures = 0;
      last_good = new Date();
      next = Math.max(every, 20 * (performance.now() - began));  // a page of thousands of rows costs its time
      if (running()) {
        say('live', '● live');
        listen();
      }
    } catch (error) {
      failures += 1;
      stop_listening();
      next = Math.min(30000, 500 * 2 ** failures);
      if (running()) say('reconnecting', '○ reconnecting; this is from ' + last_good.toLocaleTimeString());
    }
    busy = false;
    wait(again ? 150 : next);
  }

  function start_or_stop() {
    if (running()) {
      wait(0);
      return;
    }
    clearTimeout(timer);
    stop_listening();
    say('stopped', '‖ stopped at ' + last_good.toLocaleTimeString());
  }

  // --- Filter: every word must be found, in the service's line or in the endpoint's. ---
  const unfolded_by_filter = new Set();

  function filter() {
    const words = by_id('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
    const holds = text => words.every(word => text.includes(word));
    const shown = new Map();
    let rows = 0, hits = 0;
    for (const service of document.querySelectorAll('details.service')) {
      const about = service.querySelector('summary').textContent + ' ' +
        [...service.querySelectorAll('dd')].map(fact => fact.textContent).join(' ');
      const whole = holds(about.toLowerCase());
      let any = false;
      for (const row of service.querySelectorAll('tbody tr')) {
        const hit = holds((about + ' ' + row.textContent).toLowerCase());
        row.hidden = !hit;
        any = any || hit;
        rows += 1;
        hits += hit ? 1 : 0;
      }
      service.hidden = !(whole || any);
      shown.set(service.dataset.key.slice(2), !service.hidden);
      if (words.length && any && !whole && !service.open) {
        service.open = true;
        unfolded_by_hand.add(service);
        unfolded_by_filter.add(service);
      }
    }
    if (!words.length) {
      for (const service of unfolded_by_filter) {
        service.open = false;
        unfolded_by_hand.delete(service);
      }
      unfolded_by_filter.clear();
    }
    for (const row of document.querySelectorAll('#overview tbody tr')) {
      row.hidden = !(shown.get(row.dataset.key.slice(2)) ?? true);
    }
    const text = words.length ? hits + ' of ' + rows + ' endpoints' : '';
    if (by_id('found').textContent !== text) by_id('found').textContent = text;
  }

  // --- Colours: as the system has them, unless told; remembered where that is allowed. ---
  const themes = ['auto', 'light', 'dark'];
  function set_theme(theme) {
    document.documentElement.dataset.theme = theme;
    by_id('theme').textContent = 'Theme: ' + theme;
    try { localStorage.setItem('theme', theme); } catch { /* not allowed */ }
  }
  function saved_theme() {
    try { return localStorage.getItem('theme'); } catch { return null; }
  }

  function unfold_target() {
    const target = by_id(decodeURIComponent(location.hash.slice(1)));
    const service = target && target.closest('details.service');
    if (!service) return;
    service.open = true;
    unfolded_by_hand.add(service);
    target.scrollIntoView();
  }

  for (const id of ['pause', 'theme', 'find']) by_id(id).hidden = false;
  by_id('pause').addEventListener('click', () => {
    paused = !paused;
    by_id('pause').textContent = paused ? 'Resume' : 'Pause';
    start_or_stop();
  });
  by_id('theme').addEventListener('click', () => {
    set_theme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]);
  });
  by_id('filter').addEventListener('input', filter);
  by_id('detail').addEventListener('click', event => {
    const summary = event.target.closest('summary');
    if (summary) unfolded_by_hand.add(summary.parentElement);
  });
  document.addEventListener('visibilitychange', start_or_stop);
  addEventListener('hashchange', unfold_target);
  addEventListener('pagehide', stop_listening);
  set_theme(themes.includes(saved_theme()) ? saved_theme() : 'auto');
  document.title = by_id('summary').dataset.title + ' - taskdns';
  unfold_target();
  start_or_stop();
})();
