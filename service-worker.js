// Keeps the page for use without a network: docs/offline.md. It lies beside index.html, since a
// service worker serves only what is in or below its own folder.
importScripts('pkg/offline-worker.js');
unnoiseOffline({ folder: 'pkg/' });
