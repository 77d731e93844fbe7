// Reads the policy file in a folder with Snyk's own reader, and prints it: node snyk.mjs FOLDER
import { load } from 'snyk-policy';

const policy = await load(process.argv[2]);
console.log(JSON.stringify({ version: policy.version, ignore: policy.ignore, patch: policy.patch }));
