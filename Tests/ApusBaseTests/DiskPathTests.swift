import ApusBase
import Testing

@Suite struct DiskPathTests {
  @Test(arguments: [("/a/b", "/a"), ("/a", "/"), ("a/b/c", "a/b"), ("a", "."), ("a/\u{301}b", "a")])
  func `a path's directory is what stands before its last slash`(path: String, directory: String) {
    #expect(DiskPath.directory(of: path) == directory)
  }
}
