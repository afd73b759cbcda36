import ApusBase

/// A request that is encoded once and sent many times: what differs from one to the next has a fixed width and is
/// written over.
struct RequestTemplate {
  /// Digits of a request's number. Numbers start with a 1, so that all have as many.
  static let numberBase: Int32 = 1_000_000_000
  private static let numberDigits = 10
  private static let bornDigits = 13

  private var frame: [UInt8]
  private let numberAt: Int
  private let bornAt: Int
  private let keyAt: Int?
  private let dueAt: Int?

  /// How many bytes a request has.
  var byteCount: Int { frame.count }

  /// A send to one queue. `marksTime` keeps room at the start of the body for when the message was due.
  init(settings: BenchSettings, queue: Int, marksTime: Bool) {
    precondition(!marksTime || settings.batch == 1, "a batch has no room for the time")
    precondition(settings.mode != .transaction || settings.batch == 1, "a half message is no batch")
    var header = ByteWriter(capacity: 1024)
    let code = settings.batch > 1 ? 320 : 310
    let isHalf = settings.mode == .transaction
    header.write(utf8: #"{"code":\#(code),"extFields":{"a":"\#(settings.group)","b":"\#(settings.topic)","#)
    header.write(utf8: #""c":"TBW102","d":"4","e":"\#(queue)","f":"\#(isHalf ? 4 : 0)","g":""#)
    let bornAt = header.count
    header.write(repeating: UInt8(ascii: "0"), count: Self.bornDigits)
    header.write(#"","h":"0","i":""#)
    var keyAt: Int?
    if settings.hasKeys {
      header.write(#"KEYS\u0001k"#)
      keyAt = header.count
      header.write(repeating: UInt8(ascii: "0"), count: Self.numberDigits)
      header.write(#"\u0002"#)
    }
    if isHalf {
      header.write(utf8: #"TRAN_MSG\u0001true\u0002PGROUP\u0001\#(settings.group)\u0002"#)
    }
    header.write(utf8: #"","j":"0","k":"false","m":"\#(settings.batch > 1)"},"flag":0,"language":"JAVA","opaque":"#)
    let numberAt = header.count
    header.write(repeating: UInt8(ascii: "0"), count: Self.numberDigits)
    header.write(#","serializeTypeCurrentRPC":"JSON","version":401}"#)

    let body = Self.body(settings)
    frame = RequestFrame.encode(header: header.bytes, body: body.rawSpan)
    self.numberAt = numberAt + 8
    self.bornAt = bornAt + 8
    self.keyAt = keyAt.map { $0 + 8 }
    dueAt = marksTime ? frame.count - body.count : nil
  }

  /// What all messages carry: letters, or a batch of messages of letters.
  private static func body(_ settings: BenchSettings) -> [UInt8] {
    let letters = (0..<settings.bodyBytes).map { UInt8(ascii: "a") + UInt8($0 % 26) }
    guard settings.batch > 1 else { return letters }
    var batch = ByteWriter(capacity: settings.batch * (letters.count + 64))
    let properties = settings.hasKeys ? Array("KEYS\u{1}batch\u{2}".utf8) : []
    for _ in 0..<settings.batch {
      batch.write(Int32(22 + letters.count + properties.count))
      batch.write(Int32(0))
      batch.write(Int32(0))
      batch.write(Int32(0))
      batch.write(Int32(letters.count))
      batch.write(letters)
      batch.write(Int16(properties.count))
      batch.write(properties)
    }
    return batch.array
  }

  /// Appends a request. `sequence` makes the key; `due` is put into a body that has room for it, with the run's `mark`.
  func write(
    number: Int32, born: WallTime, sequence: UInt64, due: MonotonicTime, mark: UInt64, into output: inout ByteWriter
  ) {
    unsafe output.append(upTo: frame.count) { room in
      unsafe frame.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
      unsafe Self.write(UInt64(number), digits: Self.numberDigits, to: room, at: numberAt)
      unsafe Self.write(UInt64(clamping: born.milliseconds), digits: Self.bornDigits, to: room, at: bornAt)
      if let keyAt { unsafe Self.write(sequence, digits: Self.numberDigits, to: room, at: keyAt) }
      if let dueAt {
        unsafe room.storeBytes(of: due.rawValue.bigEndian, toByteOffset: dueAt, as: Int64.self)
        unsafe room.storeBytes(of: mark.bigEndian, toByteOffset: dueAt + 8, as: UInt64.self)
      }
      return frame.count
    }
  }

  private static func write(_ value: UInt64, digits: Int, to room: UnsafeMutableRawBufferPointer, at start: Int) {
    var value = value
    for position in stride(from: start + digits - 1, through: start, by: -1) {
      unsafe room[position] = UInt8(ascii: "0") + UInt8(value % 10)
      value /= 10
    }
  }
}
