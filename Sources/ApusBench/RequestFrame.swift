import ApusBase

/// Requests that are made one at a time.
enum RequestFrame {
  /// A frame of a header in JSON and a body: i32 length of the rest, i32 length of the header, header, body.
  static func encode(header: RawSpan, body: RawSpan) -> [UInt8] {
    var frame = ByteWriter(capacity: 8 + header.byteCount + body.byteCount)
    frame.write(Int32(4 + header.byteCount + body.byteCount))
    frame.write(Int32(header.byteCount))
    frame.write(header)
    frame.write(body)
    return frame.array
  }

  /// A request with fields and without a body. Names and values are written as they are and need no escapes.
  static func encode(code: Int, number: Int32, fields: KeyValuePairs<String, String>) -> [UInt8] {
    let members = fields.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
    let header =
      Array(
        #"{"code":\#(code),"extFields":{\#(members)},"flag":0,"language":"JAVA","opaque":\#(number),"#.utf8)
      + Array(#""serializeTypeCurrentRPC":"JSON","version":401}"#.utf8)
    let body: [UInt8] = []
    return encode(header: header.rawSpan, body: body.rawSpan)
  }

  /// Appends the commit of a half message, oneway, from the fields that the half message was answered with.
  static func writeCommit(
    group: String, messageID: RawSpan, offset: Int64, queueOffset: Int64, into output: inout ByteWriter
  ) {
    let start = output.count
    output.write(Int32(0))
    output.write(Int32(0))
    output.write(utf8: #"{"code":37,"extFields":{"producerGroup":"\#(group)","tranStateTableOffset":""#)
    output.write(decimal: queueOffset)
    output.write(#"","commitLogOffset":""#)
    output.write(decimal: offset)
    output.write(#"","commitOrRollback":"8","fromTransactionCheck":"false","msgId":""#)
    output.write(messageID)
    // Flag 2: oneway.
    output.write(#""},"flag":2,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":401}"#)
    output.patch(Int32(output.count - start - 4), at: start)
    output.patch(Int32(output.count - start - 8), at: start + 4)
  }

  /// Appends a pull. `waits` lets the broker hold the answer back for 15 seconds until there is something.
  static func writePull(
    settings: BenchSettings, queue: Int, offset: Int64, waits: Bool, number: Int32, into output: inout ByteWriter
  ) {
    let start = output.count
    output.write(Int32(0))
    output.write(Int32(0))
    output.write(utf8: #"{"code":11,"extFields":{"consumerGroup":"\#(settings.group)","topic":"\#(settings.topic)","#)
    output.write(#""queueId":""#)
    output.write(decimal: queue)
    output.write(#"","queueOffset":""#)
    output.write(decimal: offset)
    output.write(#"","maxMsgNums":""#)
    output.write(decimal: settings.mode == .pull ? settings.batch : 32)
    output.write(#"","sysFlag":""#)
    // 2: may wait, 4: brings its subscription.
    output.write(decimal: waits ? 6 : 4)
    output.write(#"","commitOffset":"0","suspendTimeoutMillis":"15000","subscription":"*","subVersion":"0","#)
    output.write(#""expressionType":"TAG"},"flag":0,"language":"JAVA","opaque":"#)
    output.write(decimal: number)
    output.write(#","serializeTypeCurrentRPC":"JSON","version":401}"#)
    output.patch(Int32(output.count - start - 4), at: start)
    output.patch(Int32(output.count - start - 8), at: start + 4)
  }
}
