public import ApusBase

/// Turns frames into commands. One for each loop: it uses its memory again for every frame, so that decoding allocates
/// nothing.
public struct RequestDecoder: ~Copyable {
  /// The scratch memory kept between frames at most; a large header does not pin more.
  private static let scratchLimit = 64 << 10

  private var fields = FieldTable()
  private var scratch = ByteWriter(capacity: 4096)
  /// After ``decode(frame:)`` threw: the header, as far as the id of the request was read, so that an error can be
  /// answered.
  public private(set) var failedHeader: CommandHeader?

  /// Makes a decoder with memory for headers of usual size.
  public init() {}

  /// Reads one whole frame as ``Frame/length(of:limit:)`` measured it. An error's offset counts from the frame's first
  /// byte.
  @_lifetime(&self, copy frame)
  public mutating func decode(frame: RawSpan) throws(DecodeError) -> Request {
    failedHeader = nil
    fields.removeAll()
    scratch.removeAll()
    if scratch.capacity > Self.scratchLimit { scratch.shrink(toCapacity: Self.scratchLimit) }
    guard frame.byteCount >= Frame.prefixBytes else {
      throw DecodeError(field: "frame", offset: frame.byteCount, reason: "shorter than \(Frame.prefixBytes) bytes")
    }
    let length = Int(frame.loadBigEndian(at: 0, as: Int32.self))
    guard length == frame.byteCount - 4 else {
      throw DecodeError(field: "frame length", offset: 0, reason: "\(length), but \(frame.byteCount - 4) bytes follow")
    }
    let (type, headerBytes) = try Frame.header(of: frame, frameBytes: frame.byteCount)
    let bodyStart = Frame.prefixBytes + headerBytes
    let (header, remark) = try scan(frame, type, Frame.prefixBytes..<bodyStart)
    // The spans borrow this decoder's memory, which only the next call changes: the result holds the decoder until
    // then.
    let unescaped = unsafe _overrideLifetime(scratch.bytes, copying: frame)
    let places = unsafe _overrideLifetime(fields.fields, copying: frame)
    let letters = unsafe _overrideLifetime(fields.letters, copying: frame)
    let request = Request(
      header: header, remark: remark, hasFields: fields.isPresent, frame: frame,
      body: frame.extracting(bodyStart..<frame.byteCount), scratch: unescaped, fields: places, letters: letters)
    return unsafe _overrideLifetime(request, mutating: &self)
  }

  private mutating func scan(
    _ frame: RawSpan, _ type: HeaderType, _ range: Range<Int>
  ) throws(DecodeError) -> (CommandHeader, TextPlace?) {
    switch type {
    case .json:
      var scanner = JSONHeaderScanner(frame, range)
      do throws(DecodeError) {
        try scanner.scan(fields: &fields, scratch: &scratch)
      } catch {
        if scanner.hasID { failedHeader = scanner.header }
        throw error
      }
      return (scanner.header, scanner.remark)
    case .binary:
      var scanner = BinaryHeaderScanner(frame, range)
      do throws(DecodeError) {
        try scanner.scan(fields: &fields)
      } catch {
        if scanner.hasID { failedHeader = scanner.header }
        throw error
      }
      return (scanner.header, scanner.remark)
    }
  }
}
