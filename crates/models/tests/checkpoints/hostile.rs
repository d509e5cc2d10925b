//! Hand-made files that claim what is not there.

use crate::common::{copy, fixture};
use kleiber_models::checkpoint;
use serde_json::{Value, json};
use std::path::Path;

/// The header of the Llama fixture, and its data.
fn parts() -> (Value, Vec<u8>) {
    let bytes = std::fs::read(fixture("llama").join("model.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + header]).unwrap(), bytes[8 + header..].to_vec())
}

fn file(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

/// The error of the Llama fixture with these bytes for its arrays.
#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let folder = copy("llama");
    std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    let error = checkpoint::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}\nexpected {expected}");
}

const ARRAY: &str = "model.layers.1.mlp.down_proj.weight";

/// The error when one array is described in another way.
#[track_caller]
fn described(change: impl Fn(&mut Value), expected: &str) {
    let (mut header, data) = parts();
    change(&mut header[ARRAY]);
    refused(&file(header.to_string().as_bytes(), &data), expected);
}

fn offsets(array: &Value) -> (u64, u64) {
    serde_json::from_value(array["data_offsets"].clone()).unwrap()
}

#[test]
fn lengths_of_headers() {
    let bytes = std::fs::read(fixture("llama").join("model.safetensors")).unwrap();
    refused(b"", "0 bytes are no safetensors file");
    refused(&bytes[..7], "7 bytes are no safetensors file");
    for claim in [1u64 << 63, u64::MAX, bytes.len() as u64 - 7] {
        refused(&[&claim.to_le_bytes(), &bytes[8..]].concat(), "declares a header of");
    }
    refused(&file(&vec![b' '; (16 << 20) + 1], b""), "more than the limit of 16777216");
    refused(&0u64.to_le_bytes(), "its header: EOF");
    refused(&bytes[..bytes.len() - 1], "its arrays end at");
    refused(&[&bytes[..], &[0]].concat(), "its arrays end at");
}

#[test]
fn headers_that_are_no_list_of_arrays() {
    for (header, expected) in [
        ("[]", "expected an object of arrays"),
        ("{}", "layers = 2: the file holds 0 arrays"),
        ("{\"a\":1}", "its header"),
        ("{\"a\":{\"dtype\":\"F33\",\"shape\":[],\"data_offsets\":[0,4]}}", "unknown variant `F33`"),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "invalid value"),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "invalid length"),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", "unknown field `x`"),
        ("{\"__metadata__\":{\"a\":1}}", "expected a string"),
        ("{\"__metadata__\":{},\"__metadata__\":{}}", "`__metadata__` stands there twice"),
    ] {
        refused(&file(header.as_bytes(), b""), expected);
    }
    refused(&file(&[b"{\"a\":", "[".repeat(1 << 20).as_bytes()].concat(), b""), "its header");
    refused(&file(b"{\"\xff\":{}}", b""), "its header");
    let twice = "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}";
    refused(&file(twice.as_bytes(), &[0; 4]), "array `a` stands there twice");
}

#[test]
fn shapes_and_offsets_that_do_not_fit() {
    let max = u64::MAX;
    described(|a| a["shape"] = json!([4_194_305, 4_194_305, 211_106_198_978_564u64]), "is impossible");
    described(|a| a["shape"] = json!([max, 2]), "is impossible");
    described(|a| a["shape"] = json!([1, 1, 1, 1, 1, 1, 1, 1, 32, 40]), "is impossible");
    described(|a| a["shape"] = json!([32, 41]), "needs 5248");
    described(|a| a["shape"] = json!([40, 32]), "has shape [40, 32], expected [32, 40]");
    described(|a| a["dtype"] = json!("F16"), "needs 2560");
    described(|a| a["dtype"] = json!("I32"), "holds I32, expected F32, F16 or BF16");
    described(|a| a["dtype"] = json!("F8_E5M2"), "needs 1280");
    described(|a| a["data_offsets"] = json!([0, 5120]), "overlaps the array before it");
    described(|a| a["data_offsets"] = json!([offsets(a).0 + 4, offsets(a).1]), "leaves a hole before it");
    described(|a| a["data_offsets"] = json!([offsets(a).0, offsets(a).0 - 1]), "bytes");
    described(|a| a["data_offsets"] = json!([offsets(a).0, max]), "needs 5120");
    described(|a| a["data_offsets"] = json!([max - 5119, max]), "leaves a hole");
    let (mut header, data) = parts();
    header["extra.weight"] = json!({ "dtype": "F32", "shape": [0], "data_offsets": [data.len(), data.len()] });
    refused(&file(header.to_string().as_bytes(), &data), "`extra.weight`: is not part of this model");
    let (mut header, data) = parts();
    // Two arrays of the same size swapped are no fault of the file; a file whose arrays stand in any order is read.
    let (a, b) = (offsets(&header[ARRAY]), offsets(&header["model.layers.0.mlp.down_proj.weight"]));
    header[ARRAY]["data_offsets"] = json!(b);
    header["model.layers.0.mlp.down_proj.weight"]["data_offsets"] = json!(a);
    let folder = copy("llama");
    std::fs::write(folder.path().join("model.safetensors"), file(header.to_string().as_bytes(), &data)).unwrap();
    checkpoint::read(folder.path()).unwrap();
}

#[test]
fn numbers_that_are_not_finite_are_reported() {
    let (header, mut data) = parts();
    let at = offsets(&header[ARRAY]).0 as usize;
    data[at + 4 * 17..at + 4 * 18].copy_from_slice(&f32::NAN.to_le_bytes());
    data[at + 4 * 99..at + 4 * 100].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    refused(
        &file(header.to_string().as_bytes(), &data),
        "`model.layers.1.mlp.down_proj.weight`: 2 of 1280 numbers are not finite; number 17 is NaN",
    );
}

/// The error of the fixture in several files with this list of them.
#[track_caller]
fn listed(change: impl Fn(&mut Value, &Path), expected: &str) {
    let folder = copy("llama_bf16");
    let path = folder.path().join("model.safetensors.index.json");
    let mut index = crate::common::json(&path);
    change(&mut index, folder.path());
    std::fs::write(&path, index.to_string()).unwrap();
    let error = checkpoint::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}\nexpected {expected}");
}

#[test]
fn lists_of_files() {
    let name = "model.norm.weight";
    for bad in ["../a.safetensors", "/etc/a.safetensors", "a\\b.safetensors", "C:a.safetensors", "config.json", ""] {
        listed(|index, _| index["weight_map"][name] = json!(bad), "is no name of a safetensors file");
    }
    listed(|index, _| index["weight_map"][name] = json!("other.safetensors"), "other.safetensors: cannot read");
    listed(|index, _| drop(index["weight_map"].as_object_mut().unwrap().remove(name)), "is in a file but not listed");
    listed(|index, _| index["weight_map"]["x"] = json!("model-00001-of-00004.safetensors"), "is listed but in no file");
    listed(|index, _| index["weight_map"] = json!([]), "invalid type");
    listed(|index, _| *index = json!({}), "missing field `weight_map`");
    listed(
        |index, folder| {
            let part = |name: &str| folder.join(name);
            std::fs::copy(part("model-00001-of-00004.safetensors"), part("model-00009.safetensors")).unwrap();
            index["weight_map"]["x"] = json!("model-00009.safetensors");
        },
        "is in two files",
    );
}

#[test]
fn configurations_that_are_none() {
    let refuse = |bytes: &[u8], expected: &str| {
        let folder = copy("llama");
        std::fs::write(folder.path().join("config.json"), bytes).unwrap();
        let error = checkpoint::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nexpected {expected}");
    };
    refuse(b"", "EOF");
    refuse(b"[]", "is no JSON object");
    refuse(b"{\"a\":NaN}", "expected value");
    refuse(b"{\"model_type\":\"gpt2\xff\"}", "config.json");
    refuse(format!("{{\"a\":{}", "[".repeat(100_000)).as_bytes(), "recursion limit exceeded");
    refuse(b"{\"model_type\":\"llama\",\"rms_norm_eps\":1e999}", "number out of range");
    refuse(b"{\"model_type\":\"kleiber\",\"decoder\":{\"layers\":1,\"lairs\":2}}", "unknown field `lairs`");
    refuse(b"{\"model_type\":\"kleiber\"}", "decoder = null");
    refuse(&vec![b' '; 100 << 20], "104857600 bytes, more than the limit of 1048576");
}

#[test]
fn errors_stay_short_whatever_the_file_holds() {
    let long = "x".repeat(1 << 19);
    let refuse = |name: &str, bytes: &[u8]| {
        let folder = copy("llama");
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let error = checkpoint::read(folder.path()).unwrap_err().to_string();
        assert!(error.len() < 1000, "{name}: an error of {} bytes", error.len());
    };
    for header in [
        format!("{{\"{long}\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}}}"),
        format!("{{\"a\":{{\"dtype\":\"{long}\",\"shape\":[2],\"data_offsets\":[0,4]}}}}"),
        format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":[2],\"{long}\":[0,4]}}}}"),
        format!("{{\"{long}\":{{}},\"{long}\":{{}}}}"),
    ] {
        refuse("model.safetensors", &file(header.as_bytes(), &[0; 4]));
    }
    let config = std::fs::read_to_string(fixture("llama").join("config.json")).unwrap();
    refuse("config.json", config.replace("\"silu\"", &format!("\"{long}\"")).as_bytes());
    refuse("config.json", config.replace("\"llama\"", &format!("\"{long}\"")).as_bytes());
    refuse("config.json", config.replace("\"use_cache\"", &format!("\"{long}\"")).as_bytes());
    refuse("config.json", config.replace("\"default\"", &format!("\"{long}\"")).as_bytes());
    refuse("config.json", config.replace("\"rope_type\"", &format!("\"{long}\"")).as_bytes());
    refuse("config.json", format!("{{\"model_type\":\"kleiber\",\"decoder\":{{\"{long}\":1}}}}").as_bytes());
}
