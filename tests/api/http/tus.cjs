// Uploads a file with tus-js-client, by the IETF's draft. Arguments: the module's folder, the endpoint, the key, the file.
const [folder, endpoint, key, path] = process.argv.slice(2);
const tus = require(folder);

const content = require("node:fs").readFileSync(path);
let retries = 0;
const upload = new tus.Upload(content, {
  endpoint,
  protocol: "ietf-draft-05",
  chunkSize: Number(process.env.CHUNK ?? Infinity),
  headers: { Authorization: `Bearer ${key}` },
  retryDelays: Array(40).fill(200),
  onShouldRetry: () => ++retries < 40,
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, retries })),
});
upload.start();
