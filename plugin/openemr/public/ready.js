// SPDX-License-Identifier: GPL-3.0-or-later
// Ask each half minute, while the tab is seen, whether a summary became ready; tell it once, without any name.
(function () {
    const box = document.getElementById('chartside-ready');
    async function ask() {
        if (document.hidden) {
            return;
        }
        // OpenEMR's own word for: this request is no sign of a person, let the session time out.
        const body = new URLSearchParams({csrf_token: box.dataset.token, skip_timeout_reset: '1'});
        const answer = await fetch(box.dataset.url, {method: 'POST', body: body, credentials: 'same-origin'});
        if (answer.ok && (await answer.json()).ready > 0) {
            window.asyncAlertMsg(box.dataset.text, 15000, 'info');
        }
    }
    setInterval(function () {
        ask().catch(function () { /* the next round asks again */ });
    }, 30000);
}());
