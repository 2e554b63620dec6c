import Inventory
import Testing

@testable import MetadataService

@Suite("What a guest says of a change that it waits for")
struct ChangeQueryTests {
  @Test(
    "is read from the query's fields, in any order, and what cannot be read is passed over",
    arguments: [
      ("/a?wait_for_change=true", nil, 30), ("/a?wait_for_change=TRUE", nil, 30),
      ("/a?&&x&wait_for_change=true&=&last_etag=", "", 30),
      ("/a?last_etag=b&timeout_sec=7&wait_for_change=true", "b", 7),
      ("/a?wait_for_change=true&last_etag=b=c&last_etag=d=", "d=", 30),
      ("/a?timeout_sec=x&wait_for_change=true", nil, 30),
      ("/a?timeout_sec=-1&wait_for_change=true", nil, 0),
      ("/a?timeout_sec=99999&wait_for_change=true", nil, 30),
      ("/a?wait_for_change=false&wait_for_change=true", nil, 30),
    ] as [(String, String?, Int)])
  func fields(_ target: String, _ tag: String?, _ seconds: Int) throws {
    let query = try #require(ChangeQuery(target: Array(target.utf8)))
    #expect(query.tag == tag)
    #expect(query.seconds == seconds)
  }

  @Test(
    "is nothing where none is waited for",
    arguments: [
      "/a", "/a?", "/a?&", "/a?wait_for_change", "/a?wait_for_change=", "/a?wait_for_change=1",
      "/a?wait_for_changes=true", "/a?xwait_for_change=true", "/wait_for_change=true",
      "/a?wait_for_change=true&wait_for_change=false", "/a?last_etag=b",
    ])
  func none(_ target: String) { #expect(ChangeQuery(target: Array(target.utf8)) == nil) }

  @Test("bytes that are no text have no meaning")
  func notUTF8() throws {
    let query = Array("/a?wait_for_change=true&last_etag=b&last_etag=".utf8) + [0xFF]
    #expect(try #require(ChangeQuery(target: query)).tag == "b")
  }
}
