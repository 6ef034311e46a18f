"""A module in JavaScript that runs a program which stands alone as WebAssembly: typed arrays in, typed arrays out."""

from __future__ import annotations

import json
from urllib.parse import quote

from graphc.codegen.header import ARENA_ALIGN, commented
from graphc.ir.program import Param, Signature

_ARRAYS = {
    "b1": "Uint8Array", "i8": "Int8Array", "i16": "Int16Array", "i32": "Int32Array", "i64": "BigInt64Array",
    "u8": "Uint8Array", "u16": "Uint16Array", "u32": "Uint32Array", "u64": "BigUint64Array", "f16": "Uint16Array",
    "bf16": "Uint16Array", "f8e4m3": "Uint8Array", "f8e5m2": "Uint8Array", "f32": "Float32Array", "f64": "Float64Array",
    "c64": "Float32Array", "c128": "Float64Array",
}  # fmt: skip
_PLAIN = {"b1": "0 or 1 each", "f16": "bits", "bf16": "bits", "f8e4m3": "bits", "f8e5m2": "bits", "c64": "real, imaginary", "c128": "real, imaginary"}
_HEAD = """\
// {entry}: made by graphc for {stem}.wasm, anew whenever the model is compiled. For browsers and node.
//
//   import {{ load }} from "./{url}.mjs";
//   const model = await load();
//   const results = model.run([{arguments}]);
//
// An input is {{ data, shape }}, or the data alone where the sizes are fixed. Each result is {{ name, dtype, shape, data }}.
// Data is row-major.
//
{rows}

export const signature = {signature};

const ARRAYS = [{arrays}];
const AXES = {axes};
const REFUSED = {refused};
"""
_BODY = """\
const ALIGN = %(align)d; // of every array; as many bytes from its start can be read

/**
 * Makes a model that can be run.
 * @param source the module: its URL, bytes, or a WebAssembly.Module; by default %(stem)s.wasm beside this file.%(weights_doc)s
 */
export async function load(source = "%(url)s.wasm"%(weights_parameter)s) {
  const module = source instanceof WebAssembly.Module ? source : await WebAssembly.compile(await bytesOf(source));
  const { exports } = await WebAssembly.instantiate(module, {});
  return new Model(exports%(weights_argument)s);
}

async function bytesOf(source) {
  if (!(typeof source === "string" || source instanceof URL)) return source;
  const url = new URL(source, import.meta.url);
  if (url.protocol === "file:") return (await import("node:fs/promises")).readFile(url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

class Model {
  #exports;
  #free;

  constructor(exports%(weights_taken_as)s) {
    this.#exports = exports;
    this.#free = exports.__heap_base.value;
%(weights_taken)s  }

  /** Runs the model. Nothing that is given is changed, and results are copies. */
  run(inputs) {
    if (inputs.length !== AXES.length) throw new TypeError(`%(entry)s takes ${AXES.length} inputs, not ${inputs.length}`);
    const { memory, %(entry)s, %(entry)s_arena, %(entry)s_shapes } = this.#exports;
    const sizes = new Map();
    const given = inputs.map((input, k) => checked(input, k, sizes));
    const ranks = signature.outputs.map((output) => output.shape.length);
    let at = this.#free;
    const reserve = (bytes) => {
      const place = at;
      at += Math.ceil(Math.max(bytes, ALIGN) / ALIGN) * ALIGN;
      return place;
    };
    const dims = reserve(8 * signature.symbols.length);
    const shapes = reserve(8 * ranks.reduce((sum, rank) => sum + rank, 0));
    makeRoom(memory, at);
    new BigInt64Array(memory.buffer, dims, signature.symbols.length).set(signature.symbols.map((name) => BigInt(sizes.get(name))));
    %(entry)s_shapes(dims, shapes);
    let axis = shapes;
    const results = signature.outputs.map(({ name, dtype }, k) => {
      const shape = Array.from(new BigInt64Array(memory.buffer, axis, ranks[k]), Number);
      axis += 8 * ranks[k];
      return { name, dtype, shape };
    });
    const places = given.map((data) => reserve(data.byteLength));
    const owners = new Map(signature.donated);
    const written = results.map(({ dtype, shape }, k) =>
      owners.has(k) ? places[owners.get(k)] : reserve(numbers(dtype, shape) * arrayOf(k + places.length).BYTES_PER_ELEMENT));
    const [ins, outs] = [places, written].map((list) => reserve(4 * list.length));
    const arena = reserve(Number(%(entry)s_arena(dims)));
    makeRoom(memory, at);
    given.forEach((data, k) => new data.constructor(memory.buffer, places[k], data.length).set(data));
    new Uint32Array(memory.buffer, ins, places.length).set(places);
    new Uint32Array(memory.buffer, outs, written.length).set(written);
    const code = %(entry)s(ins, outs, dims, arena);
    if (code !== 0) throw new RangeError(`%(entry)s: ${REFUSED[code - 1]}`);
    return results.map((result, k) => {
      const array = arrayOf(k + places.length);
      return { ...result, data: new array(memory.buffer, written[k], numbers(result.dtype, result.shape)).slice() };
    });
  }
}

function arrayOf(k) {
  return ARRAYS[k];
}

function numbers(dtype, shape) {
  return shape.reduce((product, size) => product * size, dtype === "c64" || dtype === "c128" ? 2 : 1);
}

function makeRoom(memory, end) {
  const missing = Math.ceil((end - memory.buffer.byteLength) / 65536);
  if (missing > 0) memory.grow(missing);
}

/** The data of an input; its open sizes go into a map. */
function checked(input, k, sizes) {
  const { name, dtype, shape: declared } = signature.inputs[k];
  const what = `%(entry)s: input ${k} (${name})`;
  const array = arrayOf(k);
  const data = ArrayBuffer.isView(input) ? input : input?.data;
  if (!(data instanceof array)) throw new TypeError(`${what} is ${dtype}: its data must be a ${array.name}`);
  const shape = ArrayBuffer.isView(input) ? declared : input.shape;
  const fits = Array.isArray(shape) && shape.length === declared.length && shape.every(Number.isSafeInteger);
  if (!fits) throw new TypeError(`${what}: give { data, shape } with a shape like [${declared}]`);
  shape.forEach((size, axis) => {
    const wanted = AXES[k][axis];
    const known = typeof wanted === "number" ? wanted : (sizes.has(wanted) ? sizes : sizes.set(wanted, size)).get(wanted);
    if (size !== known || size < 0) throw new RangeError(`${what}: axis ${axis} has size ${size}, not ${known}`);
  });
  if (data.length !== numbers(dtype, shape)) throw new RangeError(`${what}: ${data.length} numbers for shape [${shape}]`);
  return data;
}
"""
_TAKE_WEIGHTS = """\
    const place = Math.ceil(this.#free / ALIGN) * ALIGN;
    this.#free = place + Math.ceil(weights.byteLength / ALIGN) * ALIGN;
    makeRoom(exports.memory, this.#free);
    new Uint8Array(exports.memory.buffer, place).set(new Uint8Array(weights.buffer ?? weights, weights.byteOffset ?? 0, weights.byteLength));
    if (exports.{entry}_init(place, BigInt(weights.byteLength)) !== 0) throw new Error("{stem}.weights: not the weights of {entry}");
"""


def javascript_text(signature: Signature, entry: str, stem: str, said: str, checks=(), reasons=(), separate: bool = False) -> str:
    """The module for the program ``entry`` in ``STEM.wasm``.

    Args:
        said: what the program says of itself, in JSON.
        checks: the Requirements on sizes that it tests. reasons: pairs of a message and a line, for which it ends a run.
        separate: whether its constants are in ``STEM.weights``.
    """
    params, url = (*signature.inputs, *signature.outputs), quote(stem)
    refused = [c.message for c in checks] + ["these sizes make a value of more than 2 GiB"] + [message for message, _ in reasons]
    rows = [f"// inputs[{k}]   {_row(p)}" for k, p in enumerate(signature.inputs)]
    rows += [f"// results[{k}]  {_row(p)}" for k, p in enumerate(signature.outputs)]
    axes = [[d if type(d) is int else d.attr("name") for d in p.type.shape] for p in signature.inputs]
    fixed = [all(type(d) is int for d in p.type.shape) for p in signature.inputs]
    call = ", ".join([f"input{k}" if plain else f"{{ data: input{k}, shape: shape{k} }}" for k, plain in enumerate(fixed)])
    head = _HEAD.format(
        entry=entry, stem=stem, url=url, arguments=call, rows="\n".join(rows), signature=said, axes=json.dumps(axes),
        arrays=", ".join([_ARRAYS[p.type.dtype.short] for p in params]), refused=json.dumps(refused),
    )  # fmt: skip
    body = _BODY % {
        "align": ARENA_ALIGN, "entry": entry, "stem": stem, "url": url,
        "weights_doc": f"\n * @param weights the content of {stem}.weights or its URL; by default that beside this file." if separate else "",
        "weights_parameter": f', weights = "{url}.weights"' if separate else "",
        "weights_argument": ", await bytesOf(weights)" if separate else "",
        "weights_taken_as": ", weights" if separate else "",
        "weights_taken": _TAKE_WEIGHTS.format(entry=entry, stem=stem) if separate else "",
    }  # fmt: skip
    return head + body


def _row(param: Param) -> str:
    short = param.type.dtype.short
    sizes = ", ".join(map(str, param.type.shape))
    note = f" ({_PLAIN[short]})" if short in _PLAIN else ""
    return f"{commented(param.name)}  {short}[{sizes}], {_ARRAYS[short]}{note}"
