//! The sizes that Parquet page headers declare, looked at before a decoder reserves that much memory.

/// Bytes that any page may unpack to, and those for each of its packed bytes.
const FREE_PAGE: i64 = 64 << 20;
const PAGE_RATIO: i64 = 256;

/// Checks the size that each page of a column says it unpacks to: decoders reserve that much before they look at
/// the page. Returns the largest in bytes, which no single value of the column exceeds.
///
/// # Errors
/// What is wrong, to be reported with the name of the file.
pub fn check_pages(bytes: &[u8]) -> Result<u64, String> {
    let (mut rest, mut largest) = (bytes, 0);
    while !rest.is_empty() {
        let (unpacked, packed) = page_sizes(&mut rest).ok_or("a damaged page header")?;
        if packed < 0 || unpacked < 0 || packed as usize > rest.len() {
            return Err("a page that ends beyond its column".into());
        }
        if unpacked > FREE_PAGE.max(packed.saturating_mul(PAGE_RATIO)) {
            return Err(format!("a page of {packed} bytes that declares {unpacked}"));
        }
        largest = largest.max(unpacked.unsigned_abs());
        rest = &rest[packed as usize..];
    }
    Ok(largest)
}

/// Unpacked and packed size of the page whose header (compact Thrift) starts here; moves behind the header.
fn page_sizes(rest: &mut &[u8]) -> Option<(i64, i64)> {
    let (mut id, mut sizes) = (0i64, [None; 2]);
    loop {
        let head = byte(rest)?;
        if head == 0 {
            return Some((sizes[0]?, sizes[1]?));
        }
        id = if head >> 4 == 0 { zigzag(rest)? } else { id + i64::from(head >> 4) };
        match (id, head & 15) {
            (2 | 3, 5) => sizes[id as usize - 2] = Some(zigzag(rest)?),
            (_, kind) => skip(rest, kind, false, 8)?,
        }
    }
}

/// Skips a value; `depth` bounds the nesting.
fn skip(rest: &mut &[u8], kind: u8, in_list: bool, depth: u8) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match kind {
        1 | 2 if !in_list => {}
        1..=3 => drop(byte(rest)?),
        4..=6 => drop(zigzag(rest)?),
        7 => *rest = rest.get(8..)?,
        8 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            *rest = rest.get(length..)?;
        }
        9 | 10 => {
            let head = byte(rest)?;
            let count = if head >> 4 == 15 { varint(rest)? } else { u64::from(head >> 4) };
            for _ in 0..count {
                skip(rest, head & 15, true, depth)?;
            }
        }
        12 => loop {
            let head = byte(rest)?;
            if head == 0 {
                break;
            }
            if head >> 4 == 0 {
                zigzag(rest)?;
            }
            skip(rest, head & 15, false, depth)?;
        },
        _ => return None,
    }
    Some(())
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let next = byte(rest)?;
        value |= u64::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn zigzag(rest: &mut &[u8]) -> Option<i64> {
    let value = varint(rest)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}
