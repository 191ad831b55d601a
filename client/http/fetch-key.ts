/** How public keys of senders are fetched: `fetch`, or what a test has in its place. */
export type FetchKey = (url: string, init?: RequestInit) => Promise<Response>;
