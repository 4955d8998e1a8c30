/**
 * The tests that also run where there is no test framework: in edge workers and browsers.
 *
 * @module
 */
import "./conformance/web_test.ts";
import "./conformance/workerd_test.ts";
import "./conformance/worker_page_test.ts";
import "./faults/portable_leaks_test.ts";
import "./faults/portable_reconnect_test.ts";
