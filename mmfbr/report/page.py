"""The report as one HTML page: no script, no reference to anything outside the file."""
from . import pictures
from .charts import Series, line_chart
from .comparison import percent
from .markup import Markup, tag
from .style import CSS

# What the page may load: its own style, and the pictures that it carries inside. A browser holds it to that.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# What FBRLoss logs, by the last part of the key; the keys of a row are drawn together.
FBR_CHARTS = (('Contrast terms of FBR', ('fb', 'if')),
              ('Decoupling and background segmentation', ('decouple', 'bg_seg')),
              ('Cosine of queries to prototypes and NROIs', ('sim_pos', 'sim_neg')),
              ('Queries per batch', ('queries',)))


def page(title, comparison, curves, cases, truth, run_facts, environment, commands=()):
    """The HTML document as Markup.

    Args:
        title (str): heading of the page.
        comparison (Comparison): the numbers.
        curves (Sequence[dict]): logged numbers of host and FBR, see ``Run.curves``.
        cases (list[Case]): the images.
        truth (Truth): names of the classes.
        run_facts (Sequence[list]): [(what, text), ...] of host and FBR, in the same order.
        environment (list): [(what, text), ...] on the making of the page.
        commands (Sequence[str]): what was run to get here.
    """
    names = comparison.host.name, comparison.fbr.name
    head = tag('head', tag('meta', charset='utf-8'),
               tag('meta', http_equiv='Content-Security-Policy', content=POLICY),
               tag('meta', name='viewport', content='width=device-width, initial-scale=1'),
               tag('title', title), tag('style', Markup(CSS)))
    main = tag('main', tag('h1', title), _introduction(*names), _numbers(comparison), _training(names, curves),
               _pictures(cases, truth, names), _facts(names, run_facts, environment, commands))
    return Markup('<!DOCTYPE html>\n') + tag('html', head, tag('body', main), lang='en') + '\n'


def _introduction(host, fbr):
    return tag(
        'p', 'The networks on this page learned from image-level labels: from a note of what is in a picture, not '
        'where. The class activation map (CAM) of such a network says how strongly each pixel speaks for a class; cut '
        'at a threshold, it is a pseudo mask that a segmentation network can learn from. A CAM tends to take what '
        'always comes with an object, say the rails under a train, for the object itself. FBR (fine-grained background '
        'representation) adds loss terms to the training that set unsure foreground pixels apart from the kinds of '
        'background in the pictures; in use the network and its cost are the same. '
        f'Compared are “{host}”, trained without FBR, and “{fbr}”, trained with it.')


def _numbers(comparison):
    host, fbr = comparison.host, comparison.fbr
    low, high = host.chosen.sweep.thresholds[0], host.chosen.sweep.thresholds[-1]
    both = f' Note that {comparison.shared} images are in both lists.' if comparison.shared else ''
    chosen = (
        f'A pixel whose CAM does not exceed a threshold is background. Thresholds from {low:g} to {high:g} were tried '
        f'on the {host.chosen.images} images of {comparison.choose_list}, and the best by mean IoU there '
        f'({host.threshold:g} for {host.name}, {fbr.threshold:g} for {fbr.name}) was used, unchanged, on the '
        f'{host.scored.images} images of {comparison.score_list}, where all numbers below were measured.{both}')
    tables = [_table('All classes (%)', '', comparison, comparison.rows, main=1),
              _table('IoU of each class (%)', 'class', comparison, comparison.class_rows)]
    terms = [('IoU', 'pixels rightly given to a class over all pixels that are the class or were taken for it'),
             ('precision', 'share of the pixels given to a class that are the class'),
             ('recall', 'share of the pixels of a class that were found')]
    if comparison.host.parts:
        terms.append(('usual background', 'the one that an object has in the training images; “other” is any that it '
                                          'does not have there'))
    if comparison.stuff_rows:
        rows = [(f'{name} on {stuff}', *shares) for name, stuff, *shares in comparison.stuff_rows]
        tables.append(_table('Co-occurrence share (%), lower is better', 'class', comparison, rows))
        terms.append(('co-occurrence share', 'of the pixels given to a class, those that lie on the background that '
                                             'images of the class show most often'))
    sweeps = [Series(run.name, _curve(run.chosen.sweep), run.threshold) for run in (host, fbr)]
    chart = line_chart(f'Mean IoU (%) on {comparison.choose_list}', sweeps, 'threshold, the chosen one marked')
    return tag('section', tag('h2', 'Numbers'), tag('p', chosen),
               tag('div', tables[0], chart, tables[1:], class_='tables'),
               tag('p', 'Each column is one training. Another seed moves the numbers: compare several before trusting '
                        'a small change.', class_='note'), _terms(terms))


def _curve(sweep):
    return list(zip(sweep.thresholds.tolist(), (100 * sweep.scores.mean_iou).tolist(), strict=True))


def _table(caption, corner, comparison, rows, main=0):
    """Rows (name, host, fbr) in percent with their change; the first ``main`` rows in bold."""
    head = [tag('th', cell, scope='col') for cell in (corner, comparison.host.name, comparison.fbr.name, 'change')]
    body = [tag('tr', tag('th', name, scope='row'), [tag('td', _number(value)) for value in (host, fbr)],
                tag('td', _number(fbr - host, signed=True)), class_='main' if place < main else None)
            for place, (name, host, fbr) in enumerate(rows)]
    table = tag('table', tag('caption', caption), tag('thead', tag('tr', head)), tag('tbody', body))
    return tag('div', table, class_='scroll')


def _number(value, signed=False):
    return percent(value, signed).replace('-', '\N{MINUS SIGN}' if value == value else '\N{EN DASH}')


def _training(names, curves):
    host, fbr = curves
    shared = [key for key in host if key in fbr and key.split('.')[-1].startswith('loss')]
    charts = [line_chart('Total loss' if key == 'loss' else f'Loss of the host alone, {key}',
                         [Series(name, curve[key]) for name, curve in zip(names, curves, strict=True)], 'iteration')
              for key in sorted(shared, key=len)]
    for title, parts in FBR_CHARTS:
        keys = [key for part in parts for key in fbr if '/' in key and key.rsplit('/', 1)[1] == part]
        if keys:
            charts.append(line_chart(title, [Series(key, fbr[key]) for key in keys], 'iteration'))
    return tag('section', tag('h2', 'Training'),
               tag('p', 'As logged. The total with FBR includes its terms: only the loss of the host alone compares '
                        'like with like. FBR’s own curves begin after its warm-up.'),
               tag('div', charts, class_='charts'))


def _pictures(cases, truth, names):
    classes = sorted({c for case in cases for c in case.classes})
    colours = pictures.class_colours(classes)
    terms = [('CAM', 'the strongest of the image’s classes: dark is none, pale yellow the most'),
             ('NROIs', 'negative regions of interest: the cells of the feature map that count as background in FBR’s '
                       'training, coloured by the kind of background that they are nearest to. A colour names no '
                       'class and means something else in the next image; foreground is grey'),
             ('queries', 'foreground cells of which the network is unsure, in yellow: FBR draws them to their class '
                         'and away from NROIs. Other foreground is bright, background dim'),
             ('mask', 'the CAM cut at the threshold')]
    legend = [_key(f'background:rgb{colours[c]}', truth.classes[c]) for c in classes]
    legend += [_key('background:#fff', 'not counted'),
               _key(f'background:{pictures.heat_gradient()}', 'CAM from 0 to 1', 'swatch ramp')]
    return tag('section', tag('h2', 'Pictures'),
               tag('p', 'Chosen by class and place in the list, without a look at any result.'), _terms(terms),
               tag('ul', legend, class_='legend'), [_case(case, truth, names, colours) for case in cases])


def _key(style, name, class_='swatch'):
    return tag('li', tag('span', class_=class_, style=style), name)


def _case(case, truth, names, colours):
    image, clusters, host, fbr = case.image, case.regions.clusters, *names
    labels = ', '.join(truth.classes[c] for c in case.labels) or 'nothing'
    setting = {True: tag('span', 'usual background'), False: tag('span', 'other background'), None: None}[case.usual]

    def masked(mask):
        return pictures.flat_uri(pictures.coloured(image, mask, colours, truth.ignore_index))

    unsure = f'{case.regions.queries.sum()} of {_count((clusters < 0).sum(), "foreground cell")}'
    shown = [
        ('Image', labels, pictures.photo_uri(image)),
        (f'CAM, {host}', None, pictures.photo_uri(pictures.heat(image, case.host.cam))),
        (f'CAM, {fbr}', None, pictures.photo_uri(pictures.heat(image, case.fbr.cam))),
        ('NROIs', _count((clusters >= 0).sum(), 'background cell'),
         pictures.flat_uri(pictures.nroi_map(image, clusters))),
        ('Queries', unsure, pictures.flat_uri(pictures.query_map(image, case.regions.queries, clusters < 0))),
        (f'Mask, {host}', _ious(case.host, truth), masked(case.host.mask)),
        (f'Mask, {fbr}', _ious(case.fbr, truth), masked(case.fbr.mask)),
        ('Ground truth', None, masked(case.truth))]
    row = [tag('figure', tag('img', src=uri, alt=f'{name}; {case.image_id}: {labels}', width=image.shape[1],
                             height=image.shape[0], class_='crisp' if 'image/png' in uri else None),
               tag('figcaption', tag('b', name), note)) for name, note, uri in shown]
    return tag('article', tag('h3', case.image_id, setting), tag('div', row, class_='row'), class_='case')


def _ious(sight, truth):
    each = (f'{truth.classes[c]} {100 * value:.1f}\N{NO-BREAK SPACE}%' for c, value in sight.iou.items())
    return 'IoU ' + ', '.join(each) if sight.iou else None


def _count(number, what):
    return f'{number} {what}{"" if number == 1 else "s"}'


def _terms(pairs):
    return tag('dl', [[tag('dt', term), tag('dd', text)] for term, text in pairs])


def _facts(names, run_facts, environment, commands):
    rows = [tag('tr', tag('th', what, scope='row'), tag('td', first), tag('td', second))
            for (what, first), (_, second) in zip(*run_facts, strict=True)]
    head = tag('thead', tag('tr', [tag('th', cell, scope='col') for cell in ('', *names)]))
    ran = [tag('p', 'Commands:'), tag('pre', '\n'.join(commands))] if commands else None
    return tag('section', tag('h2', 'Where the numbers come from'),
               tag('div', tag('table', head, tag('tbody', rows), class_='text'), class_='scroll'), ran,
               tag('p', 'This page was made on:'), _terms(environment))
