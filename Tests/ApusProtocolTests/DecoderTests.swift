import ApusBase
import Testing

@testable import ApusProtocol

/// Frames of all sizes and both header types, small enough to damage in every place.
private let shortFrames: [[UInt8]] = {
  let files = ["0010", "0014", "0105", "0310", "0104", "9999"]
  var frames: [[UInt8]] = []
  for file in FrameFixtures.files where files.contains(String(file.prefix(4))) {
    guard let samples = try? FrameFixtures.samples(in: file) else { continue }
    let all = samples.flatMap { [$0.request, $0.response] }.filter { !$0.isEmpty && $0.count < 700 }
    frames += all.filter { $0[4] == 0 }.prefix(2) + all.filter { $0[4] == 1 }.prefix(2)
  }
  return frames
}()

@Suite struct FrameLengthTests {
  @Test func `needs four bytes and then knows the length`() throws {
    for frame in shortFrames {
      for count in 0..<frame.count {
        let length = try Frame.length(of: Array(frame[..<count]).rawSpan)
        #expect(length == (count < 4 ? nil : frame.count))
      }
    }
  }

  @Test(arguments: [
    ([0, 0, 0, 3], 0), ([0xFF, 0xFF, 0xFF, 0xFF], 0), ([0x7F, 0xFF, 0xFF, 0xFF], 0), ([0x16, 3, 1, 2], 0),
    ([0, 0, 0, 10, 2, 0, 0, 2], 4), ([0, 0, 0, 10, 0, 0, 0, 7], 4), ([0, 0, 0, 10, 1, 0xFF, 0xFF, 0xFF], 4),
  ])
  func `refuses what cannot start a frame`(bytes: [UInt8], offset: Int) {
    let error = #expect(throws: DecodeError.self) { try Frame.length(of: bytes.rawSpan) }
    #expect(error?.offset == offset)
  }

  @Test func `keeps to the limit given`() throws {
    let frame: [UInt8] = [0, 0, 0, 100, 0, 0, 0, 2]
    #expect(try Frame.length(of: frame.rawSpan, limit: 104) == 104)
    #expect(throws: DecodeError.self) { try Frame.length(of: frame.rawSpan, limit: 103) }
  }

  @Test func `takes frames apart that arrive together`() throws {
    let stream = shortFrames.flatMap { $0 }
    var position = 0
    var found: [[UInt8]] = []
    while position < stream.count {
      let rest = Array(stream[position...])
      let length = try #require(try Frame.length(of: rest.rawSpan))
      found.append(Array(rest[..<length]))
      position += length
    }
    #expect(found == shortFrames)
  }
}

@Suite struct RequestDecoderTests {
  @Test func `refuses a frame cut at any byte`() {
    for frame in shortFrames {
      for count in 0..<frame.count {
        #expect(throws: DecodeError.self) { try Command(frame: Array(frame[..<count]).rawSpan) }
      }
    }
  }

  @Test func `refuses a header cut at any byte`() {
    for frame in shortFrames where frame[4] == 0 {
      let header = Int(frame[6]) << 8 | Int(frame[7])
      for length in 0..<header {
        let cut = frameOf(type: 0, header: Array(frame[8..<8 + length]))
        let error = #expect(throws: DecodeError.self) { try Command(frame: cut.rawSpan) }
        #expect((error?.offset ?? -1) <= cut.count)
      }
    }
  }

  @Test func `survives every single flipped bit`() {
    for frame in shortFrames {
      for bit in 0..<frame.count * 8 {
        var damaged = frame
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        exercise(damaged)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `survives noise`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let alphabet = Array(#"{}[]",:'\u0e1-+.tnacodegpqx "#.utf8)
    for _ in 0..<3000 {
      let length = Int.random(in: 0..<60, using: &random)
      let raw = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      let text = (0..<length).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      exercise(raw)
      exercise(frameOf(type: 0, header: text))
      exercise(frameOf(type: 0, header: Array("{\"code\":1,\"extFields\":{".utf8) + text))
      exercise(frameOf(type: 1, header: raw))
      exercise(frameOf(type: 1, header: Array(repeating: 0, count: 17) + raw))
    }
  }

  @Test func `uses its memory again without mixing requests up`() throws {
    var decoder = RequestDecoder()
    for frame in shortFrames + shortFrames.reversed() {
      let expected = try Command(frame: frame.rawSpan)
      let request = try decoder.decode(frame: frame.rawSpan)
      #expect(Command(copying: request) == expected)
    }
  }

  @Test func `keeps the id of a request whose fields are damaged`() throws {
    var decoder = RequestDecoder()
    let frame = frameOf(type: 0, header: Array(#"{"code":10,"opaque":77,"flag":0,"extFields":{"a""#.utf8))
    do {
      _ = try decoder.decode(frame: frame.rawSpan)
      Issue.record("a cut header was accepted")
    } catch {
      #expect(error.offset == frame.count)
    }
    #expect(decoder.failedHeader?.id == RequestID(77))
    #expect(decoder.failedHeader?.code == 10)
  }

  @Test func `refuses more fields than any client sends`() {
    let many = (0...1024).map { "\"f\($0)\":\"\"" }.joined(separator: ",")
    let frame = frameOf(type: 0, header: Array("{\"extFields\":{\(many)}}".utf8))
    #expect(throws: DecodeError.self) { try Command(frame: frame.rawSpan) }
  }

  private func exercise(_ frame: [UInt8]) {
    var decoder = RequestDecoder()
    if let length = try? Frame.length(of: frame.rawSpan) { #expect(length >= 8) }
    do {
      let request = try decoder.decode(frame: frame.rawSpan)
      var output = ByteWriter()
      Command(copying: request).encode(into: &output)
      _ = request.field("topic")
      _ = request.field("b")
    } catch {
      #expect(error.offset >= 0 && error.offset <= frame.count)
    }
  }
}

/// A frame around a header.
func frameOf(type: UInt8, header: [UInt8], body: [UInt8] = []) -> [UInt8] {
  var writer = ByteWriter()
  writer.write(Int32(4 + header.count + body.count))
  writer.write(Int32(type) << 24 | Int32(header.count))
  writer.write(header)
  writer.write(body)
  return writer.array
}
