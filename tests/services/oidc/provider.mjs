// An OpenID provider on the loopback, for tests and for trying the example: `oidc-provider`, which is certified.
//
//     node provider.mjs '{"port": 4000, "redirect_uris": [...], "post_logout_redirect_uris": [...]}'
//
// Settings, as JSON: port; client_id ("app"), client_secret; redirect_uris; post_logout_redirect_uris;
// auth0 (false): Auth0's form of the issuer and of the addresses; audience: of the API that access tokens are for;
// token_ttl (600): seconds that access tokens live.
//
// SIGHUP publishes a new signing key, which signs from then on; the old one stays among the published.
import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import Provider, { errors } from 'oidc-provider';

const settings = {
  client_id: 'app', client_secret: 'only-for-the-loopback', audience: 'https://api.example.test',
  auth0: false, token_ttl: 600, ...JSON.parse(process.argv[2]),
};
const origin = `http://127.0.0.1:${settings.port}`;
const issuer = settings.auth0 ? `${origin}/` : origin;
const scopes = { identity: 'openid profile email offline_access', api: 'read:profile' };
const cookieKeys = [randomUUID()];

// What the provider knows, in memory, and the same for every Provider that SIGHUP makes.
const known = new Map();
class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) { known.set(this.key(id), payload); }
  async find(id) { return known.get(this.key(id)); }
  async findByUid(uid) {
    for (const [key, value] of known) if (key.startsWith(`${this.model}:`) && value.uid === uid) return value;
    return undefined;
  }
  async consume(id) { known.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { known.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, value] of known) if (value.grantId === grantId) known.delete(key);
  }
}

function signingKey() {
  // By way of PEM: on Node.js 20, 2 of 14 processes stood still for good where a key that had just
  // been made was exported as JWK.
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { ...createPrivateKey(privateKey).export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

async function findAccount(ctx, id) {
  const name = id.charAt(0).toUpperCase() + id.slice(1);
  const claims = { sub: id, name, email: `${id}@example.test`, email_verified: true };
  return { accountId: id, claims: async () => claims };
}

// There is no page that asks for consent: whoever signs in has given it.
async function loadExistingGrant(ctx) {
  const { client, session, provider } = ctx.oidc;
  const given = session.grantIdFor(client.clientId);
  if (given) return provider.Grant.find(given);
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(scopes.identity);
  grant.addResourceScope(settings.audience, scopes.api);
  await grant.save();
  return grant;
}

// Access tokens that a resource server can check by itself (RFC 9068), for one API.
const resourceIndicators = {
  enabled: true,
  // Auth0 calls the API `audience`; the others call it `resource` (RFC 8707).
  defaultResource: (ctx, client, oneOf) => oneOf ?? (ctx.oidc.params?.audience || undefined),
  useGrantedResource: () => true,
  getResourceServerInfo(ctx, resource) {
    if (resource !== settings.audience) throw new errors.InvalidTarget();
    return {
      scope: scopes.api, audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: settings.token_ttl,
      jwt: { sign: { alg: 'RS256' } },
    };
  },
};

const auth0Routes = {
  authorization: '/authorize', token: '/oauth/token', userinfo: '/userinfo', jwks: '/.well-known/jwks.json',
  revocation: '/oauth/revoke', end_session: '/oidc/logout',
};

function makeProvider(keys) {
  const made = new Provider(issuer, {
    clients: [{
      client_id: settings.client_id, client_secret: settings.client_secret,
      redirect_uris: settings.redirect_uris, post_logout_redirect_uris: settings.post_logout_redirect_uris,
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    }],
    ...(settings.auth0 && { routes: auth0Routes, extraParams: ['audience'] }),
    jwks: { keys },
    adapter: Memory,
    cookies: { keys: cookieKeys },
    pkce: { required: () => true },
    scopes: scopes.identity.split(' '),
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    // Each refresh gives a new token and spends the old one; a spent one ends the grant.
    rotateRefreshToken: true,
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    ttl: { AccessToken: settings.token_ttl, Session: 3600, Interaction: 600, Grant: 3600, IdToken: 600 },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false }, revocation: { enabled: true }, resourceIndicators,
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          ctx.body = page('Sign out', `${form}<p>Do you want to sign out of the provider, too?</p>
            <button form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`);
        },
      },
    },
    findAccount,
    loadExistingGrant,
    renderError(ctx, out) {
      ctx.type = 'html';
      ctx.body = page('That did not work', `<p>${escape(out.error)}</p><p>${escape(out.error_description ?? '')}</p>`);
    },
  });
  made.on('server_error', (ctx, error) => console.error(error));
  return made;
}

const escape = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
const page = (title, body) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.55 system-ui, sans-serif; }
  body { display: grid; place-content: center; min-height: 100vh; margin: 0; padding: 1rem; box-sizing: border-box;
    background: light-dark(#eef0f4, #15171c); }
  main { display: grid; gap: 1rem; width: min(22rem, 100vw - 2rem); box-sizing: border-box; padding: 1.75rem;
    border-radius: 1rem; background: light-dark(#fff, #1e2128); border: 1px solid light-dark(#d9dde5, #363b45); }
  h1 { font-size: 1.35rem; margin: 0; } p { margin: 0; } form { display: grid; gap: .75rem; }
  input, button { font: inherit; padding: .6rem .8rem; border: 1px solid light-dark(#9aa2b1, #6a7280); border-radius: .5rem;
    width: 100%; box-sizing: border-box; }
  button { cursor: pointer; background: none; font-weight: 600; }
  .first { background: light-dark(#2b4b8f, #a9c1f5); color: light-dark(#fff, #14203b); border-color: transparent; }
  small { color: light-dark(#5b6377, #a2a9bd); }
</style><main><h1>${title}</h1>${body}</main></html>`;

const loginPage = page('Demo provider', `<form method="post">
  <label for="login">Your name here</label>
  <input id="login" name="login" required pattern="[a-z]{1,20}" autocomplete="username" value="ada" autofocus>
  <small>Lower-case letters. There is no password: this provider is for trials on your own machine.</small>
  <button class="first">Sign in</button>
  <button name="cancel" value="1" formnovalidate>Cancel</button></form>`);

async function interact(request, response) {
  if (request.method !== 'POST') {
    await provider.interactionDetails(request, response);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    return response.end(loginPage);
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const login = form.get('login') ?? '';
  const result = form.has('cancel') || !/^[a-z]{1,20}$/.test(login)
    ? { error: 'access_denied', error_description: 'End-User aborted interaction' }
    : { login: { accountId: login } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

// Auth0's own way to sign out, beside the one of OpenID Connect.
async function auth0Logout(url, request, response) {
  const target = url.searchParams.get('returnTo');
  const ours = url.searchParams.get('client_id') === settings.client_id;
  if (!ours || !settings.post_logout_redirect_uris.includes(target)) {
    response.statusCode = 400;
    return response.end('returnTo is not among the allowed logout URLs');
  }
  const session = await provider.Session.get(provider.createContext(request, response));
  if (session.accountId) await session.destroy();
  response.writeHead(302, { Location: target });
  return response.end();
}

let keys = [signingKey()];
let provider = makeProvider(keys);
let handle = provider.callback();

const server = createServer(async (request, response) => {
  const url = new URL(request.url, origin);
  try {
    if (url.pathname.startsWith('/interaction/')) await interact(request, response);
    else if (settings.auth0 && url.pathname === '/v2/logout') await auth0Logout(url, request, response);
    else await handle(request, response);
  } catch (error) {
    console.error(error);
    response.statusCode = error.statusCode ?? 500;
    response.end(page('That did not work', `<p>${escape(String(error.message))}</p>`));
  }
});

process.on('SIGHUP', () => {
  keys = [signingKey(), ...keys].slice(0, 2);
  provider = makeProvider(keys);
  handle = provider.callback();
  console.log('signing with', keys[0].kid);
});
process.on('SIGTERM', () => { server.close(); server.closeAllConnections(); process.exit(0); });
server.listen(settings.port, '127.0.0.1', () => console.log('ready', issuer));
