import ApusBase
import ApusModel

@testable import ApusClient

extension ReceivedMessage {
  /// The record of a message of topic T, queue 0, with this body as stored.
  static func record(
    queueOffset: Int64, body: [UInt8] = [1], flag: SysFlag = [], properties: [UInt8] = []
  ) -> [UInt8] {
    var bytes = ByteWriter(capacity: 128)
    bytes.write(Int32(StoredRecord.minimumBytes + body.count + 1 + properties.count))
    bytes.write(StoredRecord.magic)
    bytes.write(CRC32.body(body.rawSpan))
    // Queue id and flag, the places in queue and log, the system flag.
    bytes.write(repeating: 0, count: 8)
    bytes.write(queueOffset)
    bytes.write(queueOffset * 1000)
    bytes.write(flag.rawValue)
    // Born time, host and port; store time, host and port; times consumed; place of the half message.
    bytes.write(repeating: 0, count: 44)
    bytes.write(Int32(body.count))
    bytes.write(body)
    bytes.write(UInt8(1))
    bytes.write(UInt8(ascii: "T"))
    bytes.write(Int16(properties.count))
    bytes.write(properties)
    return bytes.array
  }

  /// A message of topic T, queue 0 of the broker group `mute`, as a pull brings it.
  static func sample(queueOffset: Int64, properties: [UInt8] = []) throws -> ReceivedMessage {
    let bytes = record(queueOffset: queueOffset, properties: properties)
    let record = try StoredRecord(bytes.rawSpan)
    return try ReceivedMessage(record, broker: "mute")
  }
}
