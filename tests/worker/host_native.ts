// A worker file that hosts the runtime's own leaf.
import { hostSocket } from "../../src/worker/host.ts";
import { nativeConnector } from "./native_connector.ts";

hostSocket({ connector: await nativeConnector() });
