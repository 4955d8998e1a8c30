/**
 * The tests that also run where there is no test framework: in edge workers and browsers.
 *
 * @module
 */
import "./conformance/web_test.ts";
import "./conformance/workerd_test.ts";
