import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

/** A unified diff, as `diff -u` prints it; texts are as files.ts reads them. */
export function unifiedDiff(path: string, before: string | undefined, after: string): string {
  const readable = (text: string): string => Buffer.from(text, 'latin1').toString('utf8');
  const from = before === undefined ? '/dev/null' : path;
  return createTwoFilesPatch(from, path, readable(before ?? ''), readable(after), undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });
}
