//! A cluster's hash slots, and which node serves them.

use std::sync::Arc;

use redis::Value;

use crate::storage::redis::connection::Node;

const SLOTS: u16 = 16_384;

/// The hash slot of a key: of the part in braces if there is one (Redis Cluster specification).
pub(super) fn slot_of(key: &[u8]) -> u16 {
    crc16(tag_of(key).unwrap_or(key)) % SLOTS
}

/// The first part in braces.
pub(crate) fn tag_of(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|&byte| byte == b'{')?;
    let rest = key.get(open + 1..)?;
    let length = rest.iter().position(|&byte| byte == b'}').filter(|&length| length > 0)?;
    rest.get(..length)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

/// The host that a cluster announces for a node; `None` means the host of the node that was asked. That is announced as an empty
/// name, as null (`cluster-preferred-endpoint-type unknown-endpoint`), or as `?` (`hostname`, for a node without a name).
pub(super) fn announced(host: &str) -> Option<&str> {
    Some(host).filter(|host| !host.is_empty() && *host != "?")
}

/// The primaries of a cluster, each with its ranges of slots.
#[derive(Debug)]
pub(crate) struct SlotMap {
    ranges: Vec<(u16, u16, Arc<Node>)>,
}

impl SlotMap {
    pub(super) fn node_of(&self, slot: u16) -> Option<&Arc<Node>> {
        let at = self.ranges.partition_point(|&(_, end, _)| end < slot);
        self.ranges.get(at).filter(|&&(start, ..)| start <= slot).map(|(_, _, node)| node)
    }

    /// Each primary once.
    pub(super) fn nodes(&self) -> Vec<Arc<Node>> {
        let mut nodes: Vec<Arc<Node>> = Vec::new();
        for (_, _, node) in &self.ranges {
            if nodes.iter().all(|known| known.name() != node.name()) {
                nodes.push(Arc::clone(node));
            }
        }
        nodes
    }

    /// Reads the answer to `CLUSTER SLOTS`. `node` returns the node at a host, which may be empty, and a port.
    pub(super) fn read(reply: &Value, mut node: impl FnMut(&str, u16) -> Option<Arc<Node>>) -> Option<Self> {
        let Value::Array(list) = reply else { return None };
        let mut ranges = Vec::with_capacity(list.len());
        for range in list {
            let Value::Array(parts) = range else { return None };
            let [Value::Int(start), Value::Int(end), Value::Array(primary), ..] = parts.as_slice() else { return None };
            let [host, Value::Int(port), ..] = primary.as_slice() else { return None };
            let host = match host {
                Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?,
                Value::SimpleString(text) => text.as_str(),
                _ => "",
            };
            let node = node(host, u16::try_from(*port).ok()?)?;
            ranges.push((u16::try_from(*start).ok()?, u16::try_from(*end).ok()?, node));
        }
        ranges.sort_by_key(|&(start, ..)| start);
        (!ranges.is_empty()).then_some(Self { ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // The check value of the specification's appendix, and answers of CLUSTER KEYSLOT.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        for (key, slot) in [("foo", 12_182), ("{foo}.bar", 12_182), ("foo{}{bar}", 8_363), ("foo{{bar}}zap", 4_015)] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }
}
