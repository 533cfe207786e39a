import assert from "node:assert/strict";
import { test } from "node:test";

import { targetFor } from "../../smart_app/web/static/js/popout.mjs";

test("a fresh page opens its ticket, an old or used one launches anew", () => {
  const [go, launch] = ["/launch/go?ticket=t", "/launch?iss=i&launch=l"];
  assert.equal(targetFor(go, launch, 0), go);
  assert.equal(targetFor(go, launch, 49_999), go);
  assert.equal(targetFor(go, launch, 50_000), launch);
  assert.equal(targetFor(go, launch, Infinity), launch);
});
