import ApusBase
import ApusSimulator

/// What a broker with a mistake would have left in its files: the canaries that change them while it is down.
struct FileTampering {
  private let canary: BrokerCanary?
  private let disk: SimulatedDisk

  init(_ canary: BrokerCanary?, _ disk: SimulatedDisk) {
    self.canary = canary
    self.disk = disk
  }

  func meddle() {
    switch canary {
    case .forgetHalfMessage: raise("RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS", by: 2)
    case .skipMessages: raise("Orders@\(SimulatedConsumer.group)", by: 2)
    case .deliverTimerTwice:
      let end = ScannedLog(of: disk).end
      change("store/apus-timers", "pending") { Self.moving(markTo: end, in: $0) }
    case .removeTooSoon:
      let files = disk.contents(of: "store/commitlog")
      if files.count > 1 { disk.lose("store/commitlog/\(files[0].name)") }
    case .trustTail: disk.lose("store/abort")
    case .forgetDeletion: disk.lose("store/apus.deletions")
    case .hideNextLife:
      let end = ScannedLog(of: disk).end
      change("store", "apus.deletions") { Self.deleting(before: end, in: $0) }
    default: return
    }
  }

  /// Adds to an offset of a group, in both files that say it.
  private func raise(_ key: String, by number: Int64) {
    for name in ["consumerOffset.json", "lmqConsumerOffset.json"] {
      change("store/config", name) { bytes in
        Array(Self.raising(key, by: number, in: String(decoding: bytes, as: UTF8.self)).utf8)
      }
    }
  }

  private func change(_ directory: String, _ name: String, _ body: ([UInt8]) -> [UInt8]) {
    guard let file = disk.contents(of: directory).first(where: { $0.name == name }) else { return }
    disk.replace("\(directory)/\(name)", with: body(file.bytes))
  }

  /// A record of deletions that takes in all messages before a place of the log.
  private static func deleting(before end: Int64, in bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 20 else { return bytes }
    var writer = ByteWriter(capacity: bytes.count)
    writer.write(Array(bytes[..<16]))
    var position = 16
    while position + 11 <= bytes.count - 4 {
      let rest = 3 + Int(bytes[position + 9]) << 8 + Int(bytes[position + 10])
      writer.write(end)
      writer.write(Array(bytes[position + 8..<position + 8 + rest]))
      position += 8 + rest
    }
    let checksum = CRC32.checksum(writer.bytes)
    writer.write(checksum)
    return writer.array
  }

  /// A file of timers that claims to know of every delivery before a place of the log.
  private static func moving(markTo end: Int64, in bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 36 else { return bytes }
    var writer = ByteWriter(capacity: bytes.count)
    writer.write(Array(bytes[..<8]))
    writer.write(end)
    writer.write(Array(bytes[16..<bytes.count - 4]))
    let checksum = CRC32.checksum(writer.bytes)
    writer.write(checksum)
    return writer.array
  }

  /// Adds to the first offset that a key has.
  private static func raising(_ key: String, by number: Int64, in text: String) -> String {
    guard let place = text.firstRange(of: "\"\(key)\"") else { return text }
    let rest = text[place.upperBound...]
    guard let colon = rest.firstIndex(of: "{").flatMap({ rest[$0...].dropFirst().firstIndex(of: ":") }) else {
      return text
    }
    let digits = text[text.index(after: colon)...].prefix { $0.isNumber || $0.isWhitespace }
    let value = Int64(digits.filter(\.isNumber)) ?? 0
    return text[...colon] + "\(value + number)" + text[digits.endIndex...]
  }
}
