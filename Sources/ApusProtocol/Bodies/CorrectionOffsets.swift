public import ApusBase

/// The smallest offset of all groups by queue, or Int64's largest where the compared group is before that.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/QueryCorrectionOffsetBody.java
public struct CorrectionOffsets: JSONBody {
  /// The offset by the queue's number.
  public var offsets: [Int32: Int64]

  /// Lists offsets.
  public init(_ offsets: [Int32: Int64]) { self.offsets = offsets }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    offsets = [:]
    for member in try json.table("correctionOffsets") {
      guard let queue = member.key.int32, let offset = member.value.int64 else {
        throw DecodeError(field: "correctionOffsets", offset: 0, reason: "a queue or an offset is not a number")
      }
      offsets[queue] = offset
    }
  }

  /// The JSON form: integer keys, which fastjson writes without quotes.
  public var json: JSONValue {
    let members = offsets.sorted { $0.key < $1.key }.map {
      JSONMember(.integer(Int64($0.key)), .integer($0.value))
    }
    return JSONValue(members: ["correctionOffsets": .object(members)])
  }
}
