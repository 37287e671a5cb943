// A server and a client of node-opcua on loopback: discovery without
// protection, sign-in with a readable password, reads, a write, a call, a
// subscription, a file's worth of nodes in chunks, and a second session that
// is signed, a third that is encrypted. record.sh makes the golden files of it.
import { createRequire } from "node:module";
const require = createRequire(process.env.MODULES + "/");
const o = require("node-opcua");
const port = Number(process.env.PORT);

const certificates = new o.OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder: process.env.PKI });
const clientCertificates = new o.OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder: process.env.PKI + "-client" });
const server = new o.OPCUAServer({
  port, hostname: "127.0.0.1", resourcePath: "/pump", serverCertificateManager: certificates, userCertificateManager: certificates,
  serverInfo: { applicationName: { text: "Pump house" }, applicationUri: "urn:example:pump-house", productUri: "urn:example:pump-server" },
  buildInfo: { productName: "Example Pump Server", manufacturerName: "Example Pumps", productUri: "urn:example:pump-server", softwareVersion: "4.2.1", buildNumber: "117", buildDate: new Date(1700000000000) },
  userManager: { isValidUser: (name, password) => name === "operator" && password === "s3cret-pump" },
  securityPolicies: [o.SecurityPolicy.None, o.SecurityPolicy.Basic256Sha256],
  securityModes: [o.MessageSecurityMode.None, o.MessageSecurityMode.Sign, o.MessageSecurityMode.SignAndEncrypt],
  allowAnonymous: true, disableDiscovery: true, maxConnectionsPerEndpoint: 5,
});
await server.initialize();
const space = server.engine.addressSpace;
const own = space.getOwnNamespace();
const pump = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Pump", nodeId: "s=Pump" });
own.addVariable({ componentOf: pump, browseName: "Speed", nodeId: "s=Pump.Speed", dataType: "Double", minimumSamplingInterval: 100, value: { dataType: o.DataType.Double, value: 1480 } });
const start = own.addMethod(pump, { browseName: "Start", nodeId: "s=Pump.Start", inputArguments: [], outputArguments: [] });
start.bindMethod((args, context, done) => done(null, { statusCode: o.StatusCodes.Good, outputArguments: [] }));
for (let i = 0; i < 12; i++) own.addVariable({ componentOf: pump, browseName: "Text" + i, nodeId: "s=Text." + i, dataType: "String", value: { dataType: o.DataType.String, value: "x".repeat(900) } });
await server.start();

async function talk(policy, mode, user, work) {
  const client = o.OPCUAClient.create({
    applicationName: "Engineering", applicationUri: "urn:example:engineering", clientCertificateManager: clientCertificates,
    securityPolicy: policy, securityMode: mode, endpointMustExist: false, keepSessionAlive: false, connectionStrategy: { maxRetry: 0 },
    transportSettings: { sendBufferSize: 8192, receiveBufferSize: 8192 },
  });
  await client.connect(`opc.tcp://127.0.0.1:${port}/pump`);
  const session = await client.createSession(user);
  await work(session);
  await session.close();
  await client.disconnect();
}
const one = (session) => session.read({ nodeId: "ns=1;s=Pump.Speed", attributeId: o.AttributeIds.Value });
await talk(o.SecurityPolicy.None, o.MessageSecurityMode.None, undefined, async (s) => {
  await s.read(["i=2256", "i=2261", "i=2263", "i=2264"].map((nodeId) => ({ nodeId, attributeId: o.AttributeIds.Value })));
  await s.read(Array.from({ length: 12 }, (_, i) => ({ nodeId: "ns=1;s=Text." + i, attributeId: o.AttributeIds.Value })));
  await s.browse("ns=1;s=Pump");
  await one(s);
  await s.write({ nodeId: "ns=1;s=Pump.Speed", attributeId: o.AttributeIds.Value, value: { value: { dataType: o.DataType.Double, value: 1500.5 } } });
  await s.write({ nodeId: "i=2259", attributeId: o.AttributeIds.Value, value: { value: { dataType: o.DataType.Int32, value: 1 } } });
  await s.call({ objectId: "ns=1;s=Pump", methodId: "ns=1;s=Pump.Start", inputArguments: [] });
  const subscription = await s.createSubscription2({ requestedPublishingInterval: 100, requestedLifetimeCount: 60, requestedMaxKeepAliveCount: 10, maxNotificationsPerPublish: 10, publishingEnabled: true, priority: 1 });
  await subscription.monitor({ nodeId: "ns=1;s=Pump.Speed", attributeId: o.AttributeIds.Value }, { samplingInterval: 100, queueSize: 1, discardOldest: true }, o.TimestampsToReturn.Both);
  await new Promise((r) => setTimeout(r, 400));
  await subscription.terminate();
});
await talk(o.SecurityPolicy.Basic256Sha256, o.MessageSecurityMode.Sign, { type: o.UserTokenType.UserName, userName: "operator", password: "s3cret-pump" }, one);
await talk(o.SecurityPolicy.Basic256Sha256, o.MessageSecurityMode.SignAndEncrypt, undefined, one);
await server.shutdown();
process.exit(0);
