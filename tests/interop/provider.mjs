// A certified OpenID provider (the npm package oidc-provider) on a free port of this machine, for tests/it/oauth/interop.rs.
// Its one person agrees to everything. It prints a line of JSON when it listens, then answers each line of its
// standard input with one: `visit URL` goes there as a browser does and tells where the last redirect leads to,
// `agree URL` confirms a device code. It ends when its standard input is closed.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const person = 'ann';
const jwks = process.env.CLIENT_JWKS ? JSON.parse(process.env.CLIENT_JWKS) : undefined;
const lifetime = Number(process.env.ACCESS_TOKEN_SECONDS ?? 600);

const code = ['authorization_code', 'refresh_token'];
const device = ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'];
const loopback = { application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'] };
const none = { redirect_uris: [], response_types: [] };
const clients = [
  { client_id: 'web', client_secret: 'web-secret', grant_types: code, ...loopback },
  { client_id: 'public', token_endpoint_auth_method: 'none', grant_types: code, ...loopback },
  { client_id: 'post', client_secret: 'post-secret', token_endpoint_auth_method: 'client_secret_post', grant_types: code, ...loopback },
  { client_id: 'tv', token_endpoint_auth_method: 'none', grant_types: device, ...none },
  { client_id: 'machine', client_secret: 'a secret: 100%/+', grant_types: ['client_credentials'], scope: 'read', ...none },
];
if (jwks) {
  clients.push({
    client_id: 'signed', token_endpoint_auth_method: 'private_key_jwt', grant_types: ['client_credentials'], jwks,
    token_endpoint_auth_signing_alg: process.env.CLIENT_ALG ?? 'RS256', ...none,
  });
}

const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients,
  scopes: ['openid', 'offline_access', 'read', 'write'],
  claims: { openid: ['sub'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  ttl: { AccessToken: lifetime, ClientCredentials: lifetime, DeviceCode: 300, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 300, IdToken: 600 },
  cookies: { keys: ['one-run-only'] },
  clientBasedCORS: () => false,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    deviceFlow: {
      enabled: true,
      // The pages that a person would see: forms that a test sends off.
      userCodeInputSource: (ctx, form) => { ctx.body = form; },
      userCodeConfirmSource: (ctx, form) => { ctx.body = form; },
      successSource: (ctx) => { ctx.body = 'agreed'; },
    },
  },
});

// The person: logs in and agrees to whatever is asked.
const answer = provider.callback();
server.on('request', async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  try {
    const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
      return await provider.interactionFinished(request, response, { login: { accountId: person } });
    }
    const grant = grantId
      ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope((prompt.details.missingOIDCScope ?? params.scope.split(' ')).join(' '));
    const result = { consent: { grantId: await grant.save() } };
    return await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});

// What was exchanged, and what went wrong, so that a failing test can be read.
for (const event of ['grant.error', 'authorization.error', 'server_error', 'revocation.error']) {
  provider.on(event, (_, error) => console.error(`${event}: ${error.error_description ?? error.message}`));
}

// A browser: cookies, redirects on this provider, forms that submit themselves.
function browser() {
  const cookies = new Map();
  async function send(url, form) {
    for (let hops = 0; hops < 20; hops += 1) {
      const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
      const response = await fetch(url, {
        method: form ? 'POST' : 'GET', redirect: 'manual', headers, body: form && new URLSearchParams(form),
      });
      for (const line of response.headers.getSetCookie()) {
        const [pair] = line.split(';');
        const at = pair.indexOf('=');
        cookies.set(pair.slice(0, at), pair.slice(at + 1));
      }
      const location = response.headers.get('location');
      if (!location) return { status: response.status, body: await response.text() };
      const next = new URL(location, url);
      if (next.origin !== issuer) return { location: next.href };
      [url, form] = [next.href, undefined];
    }
    throw new Error('too many redirects');
  }
  const form = (page) => Object.fromEntries(
    [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  return { send, form };
}

async function visit(url) {
  return browser().send(url);
}

async function agree(url) {
  const { send, form } = browser();
  const entered = await send(url);
  const asked = await send(`${issuer}/device`, form(entered.body));
  const { body } = await send(`${issuer}/device`, { ...form(asked.body), confirm: 'yes' });
  return { agreed: body === 'agreed' };
}

console.log(JSON.stringify({ issuer }));
for await (const line of createInterface({ input: process.stdin })) {
  const [command, url] = line.split(' ');
  const done = command === 'agree' ? agree(url) : visit(url);
  console.log(JSON.stringify(await done.catch((error) => ({ error: String(error) }))));
}
process.exit(0);
